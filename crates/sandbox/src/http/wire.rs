//! Connections that can be cut: a platform that dies after it did the work sends nothing at all, and a framework
//! would always send something. And connections over TLS, whose clients may show a certificate.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    extract::connect_info::Connected,
    serve::{IncomingStream, Listener},
};
use rustls::{
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::WebPkiClientVerifier,
};
use sha2::{Digest as _, Sha256};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::oauth::robots::Keys;

/// Accepts connections and gives each its scissors.
pub(crate) struct Doorway(pub(crate) TcpListener);

/// A connection that stops writing once it is cut.
pub(crate) struct Wire<S = TcpStream> {
    stream: S,
    scissors: Scissors,
}

/// Cuts one connection: from then on nothing is written to it, and it closes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scissors {
    is_cut: Arc<AtomicBool>,
    /// SHA-256 of the certificate that the client has shown.
    certificate: Option<Arc<str>>,
}

impl Scissors {
    pub(crate) fn cut(&self) {
        self.is_cut.store(true, Ordering::SeqCst);
    }

    fn is_cut(&self) -> bool {
        self.is_cut.load(Ordering::SeqCst)
    }
}

impl Scissors {
    pub(crate) fn certificate(&self) -> Option<String> {
        self.certificate.as_deref().map(str::to_owned)
    }
}

/// Accepts connections over TLS. Each handshake has a task of its own: one that never ends holds nobody up.
pub(crate) struct SafeDoorway {
    arrivals: mpsc::Receiver<Wire<TlsStream<TcpStream>>>,
    address: SocketAddr,
}

impl SafeDoorway {
    pub(crate) fn new(listener: TcpListener, acceptor: TlsAcceptor) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let (sender, arrivals) = mpsc::channel(16);
        tokio::spawn(async move {
            while !sender.is_closed() {
                let accepted = tokio::select! {
                    () = sender.closed() => return,
                    accepted = listener.accept() => accepted,
                };
                let Ok((tcp, _)) = accepted else {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                };
                let (sender, acceptor) = (sender.clone(), acceptor.clone());
                tokio::spawn(async move {
                    let shaken = tokio::time::timeout(HANDSHAKE, acceptor.accept(tcp)).await;
                    let Ok(Ok(stream)) = shaken else { return };
                    let certificate = stream
                        .get_ref()
                        .1
                        .peer_certificates()
                        .and_then(<[_]>::first)
                        .map(|der| hex::encode(Sha256::digest(der)).into());
                    let scissors = Scissors {
                        certificate,
                        ..Scissors::default()
                    };
                    let _ = sender.send(Wire { stream, scissors }).await;
                });
            }
        });
        Ok(Self { arrivals, address })
    }
}

const HANDSHAKE: Duration = Duration::from_secs(10);

impl Listener for SafeDoorway {
    type Io = Wire<TlsStream<TcpStream>>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.arrivals.recv().await {
            Some(wire) => (wire, self.address),
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        Ok(self.address)
    }
}

impl Connected<IncomingStream<'_, SafeDoorway>> for Scissors {
    fn connect_info(stream: IncomingStream<'_, SafeDoorway>) -> Self {
        stream.io().scissors.clone()
    }
}

/// Shows the sandbox's certificate; takes those of its authority from clients, or none.
pub(crate) fn acceptor(keys: &Keys) -> Result<TlsAcceptor, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let read = |text: &str| {
        CertificateDer::from_pem_slice(text.as_bytes())
            .map_err(|error| rustls::Error::General(error.to_string()))
    };
    let authority = read(&keys.authority)?;
    let mut roots = rustls::RootCertStore::empty();
    roots.add(authority.clone())?;
    let clients =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .allow_unauthenticated()
            .build()
            .map_err(|error| rustls::Error::General(error.to_string()))?;
    let key = PrivateKeyDer::from_pem_slice(keys.server_key.as_bytes())
        .map_err(|error| rustls::Error::General(error.to_string()))?;
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(clients)
        .with_single_cert(vec![read(&keys.server_certificate)?, authority], key)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

impl Listener for Doorway {
    type Io = Wire;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (tcp, address) = Listener::accept(&mut self.0).await;
        if let Err(error) = tcp.set_nodelay(true) {
            tracing::debug!(%error, "The connection keeps its small-packet delay.");
        }
        let scissors = Scissors::default();
        (
            Wire {
                stream: tcp,
                scissors,
            },
            address,
        )
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.0.local_addr()
    }
}

impl Connected<IncomingStream<'_, Doorway>> for Scissors {
    fn connect_info(stream: IncomingStream<'_, Doorway>) -> Self {
        stream.io().scissors.clone()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.scissors.is_cut() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.scissors.is_cut() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
