"""Calls of every kind over gRPC. Messages are plain bytes: grpc_server.py PORT"""

import signal
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import grpc

LARGEST = [("grpc.max_receive_message_length", 64 * 1024 * 1024), ("grpc.max_send_message_length", 64 * 1024 * 1024)]


def echo(request, context):
    context.send_initial_metadata((("x-initial", "first"),))
    context.set_trailing_metadata((("x-trailing", "last"),))
    return request


def many(request, context):
    """As many answers as are asked for."""
    for number in range(int(request)):
        yield str(number).encode()
    context.set_trailing_metadata((("x-count", request.decode()),))


def count(requests, context):
    return str(sum(len(request) for request in requests)).encode()


def both(requests, context):
    for request in requests:
        yield request


def fail(request, context):
    context.set_trailing_metadata((("x-why", "it is broken"), ("x-why-bin", b"\0\1\2\xff")))
    context.abort(grpc.StatusCode.FAILED_PRECONDITION, "not like this: \N{SNOWMAN}")


def fail_late(request, context):
    yield b"one"
    yield b"two"
    context.abort(grpc.StatusCode.DATA_LOSS, "the rest is gone")


def refuse(requests, context):
    """Ends after the first message, whatever is still on its way."""
    next(requests)
    context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "that is enough")


def refuse_late(requests, context):
    """The same after the head of the answer and one message of it."""
    next(requests)
    yield b"one"
    context.set_trailing_metadata((("x-trailing", "last"),))
    context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "that is enough")


def wait(request, context):
    """Until the caller has left; says so to the test."""
    with socket.create_connection(("127.0.0.1", int(request))) as wire:
        wire.sendall(b"waiting\n")
        while context.is_active():
            time.sleep(0.02)
        wire.sendall(b"ended\n")
    return b""


def main():
    kinds = {
        grpc.unary_unary_rpc_method_handler: [echo, fail, wait],
        grpc.unary_stream_rpc_method_handler: [many, fail_late],
        grpc.stream_unary_rpc_method_handler: [count, refuse],
        grpc.stream_stream_rpc_method_handler: [both, refuse_late],
    }
    methods = {method.__name__: kind(method) for kind, all_of_it in kinds.items() for method in all_of_it}
    server = grpc.server(ThreadPoolExecutor(100), options=LARGEST)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("apps.Calls", methods),))
    assert server.add_insecure_port(f"127.0.0.1:{sys.argv[1]}")
    server.start()
    signal.signal(signal.SIGTERM, lambda *_: server.stop(None))
    server.wait_for_termination()


if __name__ == "__main__":
    main()
