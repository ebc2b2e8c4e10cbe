//! Probes of `https` services.

use std::sync::Arc;

use commands::health::ProbeOutcome;
use rcgen::{CertificateParams, KeyPair, date_time_ymd, generate_simple_self_signed};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsAcceptor;
use url::Url;

use super::server::{Server, answer, request};
use super::{OK, PATIENT, SHORT, healthy, probe, prober};
use crate::Prober;

/// A healthy service over TLS, with a certificate for `name`.
async fn secured(name: &str) -> (Server, CertificateDer<'static>) {
    let made = generate_simple_self_signed([name.to_owned()]).unwrap();
    serving(made.cert.der().clone(), &made.signing_key).await
}

async fn serving(certificate: CertificateDer<'static>, key: &KeyPair) -> (Server, CertificateDer<'static>) {
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let server = Server::on_connection(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            // A probe that does not trust the certificate hangs up here.
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            request(&mut stream).await;
            stream.write_all(answer("200 OK", "application/json", OK).as_bytes()).await.unwrap();
            let _ = stream.read_u8().await;
        }
    })
    .await;
    (server, certificate)
}

/// The same port, by `https` and by name. The name has an IPv6 address as well on most machines,
/// where nobody listens.
fn by_name(server: &Server) -> Url {
    format!("https://localhost:{}/health", server.url.port().unwrap()).parse().unwrap()
}

fn trusting(certificate: CertificateDer<'static>) -> Prober {
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    Prober::trusting(roots).unwrap()
}

fn tls_fault(outcome: ProbeOutcome) -> String {
    match outcome {
        ProbeOutcome::Unreachable(why) if why.starts_with("TLS: ") => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_trusted_service_is_asked_over_tls() {
    let (server, certificate) = secured("localhost").await;
    let probe = trusting(certificate).probe(&by_name(&server), PATIENT).await;
    assert_eq!(probe.outcome, healthy());
}

#[tokio::test]
async fn the_end_of_the_certificate_is_told() {
    let mut parameters = CertificateParams::new(["localhost".to_owned()]).unwrap();
    parameters.not_after = date_time_ymd(2031, 5, 6);
    let key = KeyPair::generate().unwrap();
    let (server, certificate) = serving(parameters.self_signed(&key).unwrap().der().clone(), &key).await;
    let health = trusting(certificate).public(&by_name(&server), PATIENT).await;
    assert_eq!(health.probe.outcome, healthy());
    assert_eq!(health.certificate_ends, "2031-05-06T00:00:00Z".parse().ok());
    assert_eq!(health.days_left("2031-04-26T01:00:00Z".parse().unwrap()), Some(9));

    let open = Server::answering(answer("200 OK", "application/json", OK)).await;
    assert_eq!(prober().public(&open.url, PATIENT).await.certificate_ends, None);
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_unreachable() {
    let (server, _) = secured("localhost").await;
    let why = tls_fault(prober().probe(&by_name(&server), PATIENT).await.outcome);
    assert!(why.contains("UnknownIssuer"), "{why}");
}

#[tokio::test]
async fn a_certificate_for_another_name_is_unreachable() {
    let (server, certificate) = secured("elsewhere.example").await;
    let why = tls_fault(trusting(certificate).probe(&by_name(&server), PATIENT).await.outcome);
    assert!(why.contains("not valid for name"), "{why}");
}

#[tokio::test]
async fn a_service_that_speaks_no_tls_is_unreachable() {
    let server = Server::on_connection(|mut stream| async move {
        stream.write_all(answer("400 Bad Request", "text/plain", "").as_bytes()).await.unwrap();
        let _ = stream.read_u8().await;
    })
    .await;
    tls_fault(probe(&by_name(&server)).await);
}

#[tokio::test]
async fn a_service_that_hangs_up_in_the_handshake_is_unreachable() {
    let server = Server::on_connection(|stream| async move { drop(stream) }).await;
    let why = tls_fault(probe(&by_name(&server)).await);
    assert!(why.starts_with("TLS: the handshake broke off"), "{why}");
}

#[tokio::test]
async fn silence_in_the_handshake_is_frozen() {
    let server = Server::on_connection(|stream| async move {
        let _held = stream;
        std::future::pending::<()>().await;
    })
    .await;
    assert_eq!(prober().probe(&by_name(&server), SHORT).await.outcome, ProbeOutcome::Frozen);
}

#[tokio::test]
async fn the_hosts_own_root_certificates_are_enough_to_start() {
    let (server, _) = secured("localhost").await;
    let prober = Prober::new().unwrap();
    tls_fault(prober.probe(&by_name(&server), PATIENT).await.outcome);
}
