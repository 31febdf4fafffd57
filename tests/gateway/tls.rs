//! The listener with TLS.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bmauth::domain::route::Access;
use bmauth::proxy::{Listener, Looked, Tls};
use bmauth::wire::certificates;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::sync::CancellationToken;

use crate::harness::*;

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gateway/certificate").join(name)
}

/// A folder with a certificate and its key, and where they are.
fn written() -> (tempfile::TempDir, [PathBuf; 2]) {
    let folder = tempfile::tempdir().unwrap();
    let places = ["cert.pem", "key.pem"].map(|name| {
        let place = folder.path().join(name);
        std::fs::copy(file(name), &place).unwrap();
        place
    });
    (folder, places)
}

fn own() -> Tls {
    Tls::load(&file("cert.pem"), &file("key.pem")).unwrap()
}

async fn listen_with(world: &World, tls: Tls) -> SocketAddr {
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), Some(tls)).await.unwrap();
    let address = listener.address().unwrap();
    tokio::spawn(Arc::clone(&world.proxy).serve(vec![listener], CancellationToken::new()));
    address
}

/// Serves a world with the tests' own certificate.
pub async fn listen(world: &World) -> SocketAddr {
    listen_with(world, own()).await
}

async fn dial(address: SocketAddr, certificate: &str, alpn: &[&str]) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(file(certificate)).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let stream = TcpStream::connect(address).await.unwrap();
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from(HOST).unwrap(), stream).await
}

#[tokio::test]
async fn a_browser_gets_http2_and_others_http1() {
    let app = hello().await;
    let world = plan().route("/", Access::Public, &app.url).start();
    let address = listen(&world).await;
    let stream = dial(address, "cert.pem", &["h2", "http/1.1"]).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut client, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let request = http::Request::get(format!("https://{HOST}/over/http2")).body(()).unwrap();
    let answer = client.send_request(request, true).unwrap().0.await.unwrap();
    assert_eq!(answer.status(), 200);
    let seen = app.saw();
    assert_eq!((seen.target.as_str(), seen.field("x-forwarded-proto")), ("/over/http2", Some("https")));

    let mut stream = dial(address, "cert.pem", &[]).await.unwrap();
    stream.write_all(get("/over/http1", &["Connection: close"]).as_bytes()).await.unwrap();
    let mut said = String::new();
    let _ = stream.read_to_string(&mut said).await;
    assert!(said.starts_with("HTTP/1.1 200 OK\r\n") && said.ends_with("\r\n\r\nhello"), "{said}");
}

#[tokio::test]
async fn a_new_certificate_is_used_after_it_is_read_again() {
    let world = plan().route("/", Access::Public, &dead_address().await).start();
    let (_folder, [certificate, key]) = written();
    let tls = Tls::load(&certificate, &key).unwrap();
    let address = listen_with(&world, tls.clone()).await;
    assert!(dial(address, "cert.pem", &[]).await.is_ok());
    assert!(dial(address, "other-cert.pem", &[]).await.is_err());

    std::fs::copy(file("other-cert.pem"), &certificate).unwrap();
    tls.reload().unwrap_err();
    assert!(dial(address, "cert.pem", &[]).await.is_ok(), "half of a pair changes nothing");
    std::fs::copy(file("other-key.pem"), &key).unwrap();
    tls.reload().unwrap();
    assert!(dial(address, "other-cert.pem", &[]).await.is_ok());
}

/// A folder as Kubernetes mounts a Secret: the files are links through `..data`, which is exchanged as a whole.
fn mount(folder: &Path, version: &str, files: &[(&str, &str)]) {
    let made = folder.join(version);
    std::fs::create_dir(&made).unwrap();
    for (name, from) in files {
        std::fs::copy(file(from), made.join(name)).unwrap();
        if !folder.join(name).exists() {
            let _ = std::os::unix::fs::symlink(Path::new("..data").join(name), folder.join(name));
        }
    }
    std::os::unix::fs::symlink(version, folder.join("..data_tmp")).unwrap();
    std::fs::rename(folder.join("..data_tmp"), folder.join("..data")).unwrap();
}

const OWN: [(&str, &str); 2] = [("tls.crt", "cert.pem"), ("tls.key", "key.pem")];
const OTHER: [(&str, &str); 2] = [("tls.crt", "other-cert.pem"), ("tls.key", "other-key.pem")];

#[tokio::test]
async fn a_certificate_is_taken_when_a_link_above_its_files_is_exchanged() {
    let world = plan().route("/", Access::Public, &dead_address().await).start();
    let folder = tempfile::tempdir().unwrap();
    mount(folder.path(), "..one", &OWN);
    let tls = Tls::load(&folder.path().join("tls.crt"), &folder.path().join("tls.key")).unwrap();
    let address = listen_with(&world, tls.clone()).await;
    assert!(matches!(tls.look(), Looked::Unchanged));
    mount(folder.path(), "..two", &OWN);
    assert!(matches!(tls.look(), Looked::Unchanged), "the same pair in other files is the same");
    mount(folder.path(), "..three", &OTHER);
    let looked = tls.look();
    assert!(matches!(&looked, Looked::Taken { good_until } if good_until.contains(':')), "{looked:?}");
    assert!(dial(address, "other-cert.pem", &[]).await.is_ok());
    assert!(matches!(tls.look(), Looked::Unchanged));
}

#[tokio::test]
async fn a_pair_that_is_half_written_waits_and_is_told_of_once() {
    let world = plan().route("/", Access::Public, &dead_address().await).start();
    let (folder, [certificate, key]) = written();
    let tls = Tls::load(&certificate, &key).unwrap();
    let address = listen_with(&world, tls.clone()).await;
    let whole = std::fs::read(file("other-cert.pem")).unwrap();
    let half = || std::fs::write(&certificate, &whole[..whole.len() / 2]).unwrap();
    let states: [(&str, &dyn Fn()); 5] = [
        ("half a certificate", &half),
        ("a certificate of another key", &|| std::fs::write(&certificate, &whole).unwrap()),
        ("no certificate", &|| std::fs::remove_file(&certificate).unwrap()),
        ("an empty file", &|| std::fs::write(&certificate, "").unwrap()),
        ("a folder", &|| {
            std::fs::remove_file(&certificate).unwrap();
            std::fs::create_dir(&certificate).unwrap();
        }),
    ];
    for (state, set) in states {
        set();
        let looked = tls.look();
        assert!(matches!(looked, Looked::Refused(_)), "{state}: {looked:?}");
        assert!(matches!(tls.look(), Looked::Unchanged), "{state} is told once");
        assert!(dial(address, "cert.pem", &[]).await.is_ok(), "{state} changes nothing");
    }
    std::fs::remove_dir(&certificate).unwrap();
    // Editors write another file and give it the name.
    for (from, to) in [("other-cert.pem", &certificate), ("other-key.pem", &key)] {
        let beside = folder.path().join("beside");
        std::fs::copy(file(from), &beside).unwrap();
        std::fs::rename(&beside, to).unwrap();
    }
    assert!(matches!(tls.look(), Looked::Taken { .. }));
    assert!(dial(address, "other-cert.pem", &[]).await.is_ok());
}

#[tokio::test]
async fn the_files_are_checked_again_and_again() {
    let folder = tempfile::tempdir().unwrap();
    mount(folder.path(), "..one", &OWN);
    let tls = Tls::load(&folder.path().join("tls.crt"), &folder.path().join("tls.key")).unwrap();
    let world = plan().route("/", Access::Public, &dead_address().await).start();
    let address = listen_with(&world, tls.clone()).await;
    let shutdown = CancellationToken::new();
    let every = std::time::Duration::from_millis(1);
    let watching = tokio::spawn(certificates::watch(tls, every, shutdown.clone()));
    mount(folder.path(), "..two", &OTHER);
    let taken = async { while dial(address, "other-cert.pem", &[]).await.is_err() {} };
    tokio::time::timeout(PATIENCE, taken).await.expect("it is taken");
    shutdown.cancel();
    tokio::time::timeout(PATIENCE, watching).await.expect("it ends").unwrap();
}

#[test]
fn files_that_are_no_certificate_are_told_before_anything_listens() {
    let told = |certificate: &str, key: &str| Tls::load(&file(certificate), &file(key)).unwrap_err().to_string();
    assert!(told("missing.pem", "key.pem").contains("missing.pem"));
    assert!(told("cert.pem", "missing.pem").contains("missing.pem"));
    assert!(told("key.pem", "key.pem").ends_with("key.pem has no certificate"));
    assert!(told("cert.pem", "cert.pem").contains("cannot be read"));
    assert!(told("cert.pem", "other-key.pem").contains("cannot be used"));
}
