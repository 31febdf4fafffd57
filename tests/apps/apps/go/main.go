// The app as Go's net/http has it: app PORT KEEP_ALIVE_SECONDS
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	cycle = 251
	piece = 64 * 1024
)

var some = func() []byte {
	bytes := make([]byte, piece+cycle)
	for place := range bytes {
		bytes[place] = byte(place % cycle)
	}
	return bytes
}()

// The wire to the test; without `tell` nothing listens.
type wire struct {
	socket net.Conn
	lines  *bufio.Reader
}

func wireOf(request *http.Request) wire {
	port := request.URL.Query().Get("tell")
	if port == "" {
		return wire{}
	}
	socket, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		log.Fatal(err)
	}
	return wire{socket, bufio.NewReader(socket)}
}

func (w wire) say(what string, count int) {
	if w.socket != nil {
		fmt.Fprintf(w.socket, "%s %d\n", what, count)
	}
}

func (w wire) hear() string {
	line, _ := w.lines.ReadString('\n')
	return strings.TrimSuffix(line, "\n")
}

func (w wire) close() {
	if w.socket != nil {
		w.socket.Close()
	}
}

func whole(response http.ResponseWriter, status int, body string) {
	response.Header().Set("Content-Type", "text/plain")
	if status != 204 && status != 304 {
		response.Header().Set("Content-Length", strconv.Itoa(len(body)))
	}
	response.WriteHeader(status)
	if status != 204 && status != 304 {
		io.WriteString(response, body)
	}
}

// send writes bytes of the pattern, until all are sent or the client has left.
func send(response http.ResponseWriter, count, size int, sent func(int)) (int, bool) {
	for place := 0; place < count; place += size {
		start, length := place%cycle, min(size, count-place)
		if _, err := response.Write(some[start : start+length]); err != nil {
			return place, false
		}
		sent(place + length)
	}
	return count, true
}

func number(request *http.Request, name string) int {
	value, _ := strconv.Atoi(request.URL.Query().Get(name))
	return value
}

func seen(response http.ResponseWriter, request *http.Request) {
	// Go keeps these two apart from the others.
	fields := [][2]string{{"host", request.Host}}
	if len(request.TransferEncoding) > 0 {
		fields = append(fields, [2]string{"transfer-encoding", request.TransferEncoding[0]})
	}
	for name, values := range request.Header {
		for _, value := range values {
			fields = append(fields, [2]string{strings.ToLower(name), value})
		}
	}
	json.NewEncoder(response).Encode(map[string]any{
		"method": request.Method, "target": request.RequestURI, "fields": fields,
	})
}

func sized(response http.ResponseWriter, request *http.Request) {
	wire := wireOf(request)
	defer wire.close()
	count := number(request, "bytes")
	response.Header().Set("Content-Length", strconv.Itoa(count))
	if sent, all := send(response, count, piece, func(sent int) { wire.say("sent", sent) }); !all {
		wire.say("ended", sent)
	}
}

func events(response http.ResponseWriter, request *http.Request) {
	wire := wireOf(request)
	defer wire.close()
	response.Header().Set("Content-Type", "text/event-stream")
	out := response.(http.Flusher)
	out.Flush()
	for line := wire.hear(); line != "end" && line != ""; line = wire.hear() {
		fmt.Fprintf(response, "data: %s\n\n", line)
		out.Flush()
	}
}

func take(response http.ResponseWriter, request *http.Request) {
	wire := wireOf(request)
	defer wire.close()
	wire.hear()
	buffer, taken := make([]byte, piece), 0
	for {
		count, err := request.Body.Read(buffer)
		taken += count
		if count > 0 {
			wire.say("took", taken)
		}
		if err == io.EOF {
			break
		} else if err != nil {
			wire.say("broken", taken)
			return
		}
	}
	wire.say("whole", taken)
	whole(response, 200, strconv.Itoa(taken))
}

func main() {
	handle := http.HandleFunc
	handle("/hello", func(response http.ResponseWriter, _ *http.Request) { whole(response, 200, "hello") })
	handle("/echo", func(response http.ResponseWriter, request *http.Request) {
		if body, err := io.ReadAll(request.Body); err == nil {
			whole(response, 200, string(body))
		}
	})
	handle("/status/", func(response http.ResponseWriter, request *http.Request) {
		status, _ := strconv.Atoi(strings.TrimPrefix(request.URL.Path, "/status/"))
		response.Header().Set("ETag", `"v1"`)
		whole(response, status, fmt.Sprintf("status %d", status))
	})
	handle("/redirect", func(response http.ResponseWriter, _ *http.Request) {
		response.Header().Set("Location", "/hello")
		whole(response, 303, "")
	})
	handle("/cookies", func(response http.ResponseWriter, _ *http.Request) {
		for n := range 30 {
			response.Header().Add("Set-Cookie", fmt.Sprintf("c%d=v%d; Path=/", n, n))
		}
		whole(response, 200, "")
	})
	handle("/seen", seen)
	handle("/unsized", func(response http.ResponseWriter, request *http.Request) {
		send(response, number(request, "bytes"), 8000, func(int) {})
	})
	handle("/sized", sized)
	handle("/early", func(response http.ResponseWriter, request *http.Request) {
		if number(request, "close") == 1 {
			response.Header().Set("Connection", "close")
		}
		whole(response, number(request, "status"), "too early")
	})
	handle("/events", events)
	handle("/take", take)
	handle("/hints", func(response http.ResponseWriter, _ *http.Request) {
		response.Header().Set("Link", "</style.css>; rel=preload; as=style")
		response.WriteHeader(http.StatusEarlyHints)
		whole(response, 200, "hello")
	})
	keepAlive, _ := strconv.Atoi(os.Args[2])
	server := http.Server{Addr: "127.0.0.1:" + os.Args[1], IdleTimeout: time.Duration(keepAlive) * time.Second}
	log.Fatal(server.ListenAndServe())
}
