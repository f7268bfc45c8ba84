//! TLS for calls that go out: the operating system's roots, ring, no client certificates.

use hyper_rustls::ConfigBuilderExt;
use rustls::ClientConfig;
use std::sync::Arc;

/// One configuration for all connections of the process.
///
/// A machine without root certificates still reaches plain `http://` addresses (the lab); every
/// `https://` call then fails before anything is sent.
#[must_use]
pub fn client_config() -> Arc<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| {
            builder.clone().with_native_roots().or_else(|error| {
                tracing::warn!(%error, "no root certificates: calls over TLS will fail");
                Ok(builder.with_root_certificates(rustls::RootCertStore::empty()))
            })
        });
    match config {
        Ok(builder) => Arc::new(builder.with_no_client_auth()),
        Err(error) => unreachable!("ring offers the default protocol versions: {error}"),
    }
}
