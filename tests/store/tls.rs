//! How the way to the database is kept private.

use bmauth::store::postgres::{Target, Tls, migrate};
use rcgen::CertifiedKey;

use crate::server::Server;
use crate::shared;

/// Whether a store opens there so, and if it does, whether the way is encrypted.
async fn opens(server: &Server, url: &str, tls: &Tls) -> Option<bool> {
    let target = Target { url: url.to_owned(), tls: tls.clone() };
    // Those of the one before end a moment after it.
    while server.run("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'bmauth'") != "0" {
        tokio::task::yield_now().await;
    }
    let _store = shared::try_open(&target).await.ok()?;
    let by = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'bmauth'";
    let (encrypted, all) = (server.run(&format!("{by} AND ssl")), server.run(by));
    assert!(all != "0" && (encrypted == "0" || encrypted == all), "{encrypted} of {all}");
    Some(encrypted == all)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_way_is_as_private_as_was_asked_for_or_there_is_none() {
    let server = Server::start_on_loopback();
    let own = server.fresh_schema();
    migrate(&Target { url: own.clone(), tls: Tls::Prefer }).await.unwrap();
    let schema = own.rsplit("%3D").next().unwrap();
    let [by_name, by_address] = ["localhost", "127.0.0.1"].map(|host| server.url_by_name(host, schema));
    let [ours, another] = [(); 2].map(|()| rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap());
    let known_by = |CertifiedKey { cert, .. }: &CertifiedKey<_>| Tls::VerifyFull(vec![cert.der().clone()]);

    assert_eq!(opens(&server, &by_name, &Tls::Off).await, Some(false));
    assert_eq!(opens(&server, &by_name, &Tls::Prefer).await, Some(false));
    assert_eq!(opens(&server, &by_name, &Tls::Require).await, None);
    assert_eq!(opens(&server, &by_name, &known_by(&ours)).await, None);

    let cert = server.write("server.crt", &ours.cert.pem());
    let key = server.write("server.key", &ours.signing_key.serialize_pem());
    server.run(&format!("ALTER SYSTEM SET ssl_cert_file = '{}'", cert.display()));
    server.run(&format!("ALTER SYSTEM SET ssl_key_file = '{}'", key.display()));
    server.run("ALTER SYSTEM SET ssl = on");
    server.run("SELECT pg_reload_conf()");
    while server.run("SHOW ssl") != "on" {
        tokio::task::yield_now().await;
    }
    assert_eq!(opens(&server, &by_name, &Tls::Off).await, Some(false));
    for tls in [Tls::Prefer, Tls::Require, known_by(&ours)] {
        assert_eq!(opens(&server, &by_name, &tls).await, Some(true), "{tls:?}");
    }
    assert_eq!(opens(&server, &by_name, &known_by(&another)).await, None, "an authority that did not vouch for it");
    assert_eq!(opens(&server, &by_address, &known_by(&ours)).await, None, "another name");
    assert_eq!(opens(&server, &by_address, &Tls::Require).await, Some(true), "any server");
}
