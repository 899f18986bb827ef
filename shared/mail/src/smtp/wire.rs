//! A connection to a mail server: lines go out, replies come in.
//!
//! Own, because lettre's connection takes a reply for broken where its text is not UTF-8 or is not
//! there at all, and cannot send a mail without its end.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

use super::reply::Reply;

/// How long one address of a server is tried: it may have several, and the next needs time as well.
const ONE_ADDRESS: Duration = Duration::from_secs(3);
/// How much of a reply is kept: bytes of a line, and lines. The rest is read and forgotten.
const LONGEST_LINE: usize = 1000;
const MOST_LINES: usize = 100;

/// Anything that bytes go over.
trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin> Stream for S {}

pub(super) struct Wire {
    stream: BufReader<Box<dyn Stream>>,
    /// This machine's own address on it.
    pub(super) local: IpAddr,
}

/// How a server proves who it is.
#[derive(Clone)]
pub(super) struct Tls {
    pub(super) connector: TlsConnector,
    pub(super) name: ServerName<'static>,
}

impl Wire {
    pub(super) async fn connect(host: &str, port: u16) -> io::Result<Self> {
        let stream = connect(host, port).await?;
        let local = stream.local_addr()?.ip();
        Ok(Self::over(stream, local))
    }

    fn over(stream: impl Stream + 'static, local: IpAddr) -> Self {
        let stream: Box<dyn Stream> = Box::new(stream);
        Self {
            stream: BufReader::new(stream),
            local,
        }
    }

    /// The same connection, encrypted from here on. What came in the open before would count as
    /// said under encryption, so there must be nothing.
    pub(super) async fn encrypt(self, tls: &Tls) -> io::Result<Self> {
        if !self.stream.buffer().is_empty() {
            let early = "the server spoke before the connection was encrypted";
            return Err(io::Error::new(io::ErrorKind::InvalidData, early));
        }
        let stream = self.stream.into_inner();
        let stream = tls.connector.connect(tls.name.clone(), stream).await?;
        Ok(Self::over(stream, self.local))
    }

    pub(super) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    /// The next reply: lines of three digits, until one whose digits no hyphen follows.
    pub(super) async fn reply(&mut self) -> io::Result<Reply> {
        let mut lines = Vec::new();
        loop {
            let line = self.line().await?;
            let unreadable = || io::Error::other("an answer that does not begin with three digits");
            let (digits, rest) = line.split_at_checked(3).ok_or_else(unreadable)?;
            let code = str::from_utf8(digits).ok().and_then(|it| it.parse().ok());
            let code = code
                .filter(|code| (200..600).contains(code))
                .ok_or_else(unreadable)?;
            if lines.len() < MOST_LINES {
                let text = rest.get(1..).unwrap_or_default();
                lines.push(String::from_utf8_lossy(text).into_owned());
            }
            if !rest.starts_with(b"-") {
                return Ok(Reply { code, lines });
            }
        }
    }

    async fn line(&mut self) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        loop {
            let chunk = self.stream.fill_buf().await?;
            if chunk.is_empty() {
                let ended = "the connection was closed";
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, ended));
            }
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let length = end.map_or(chunk.len(), |at| at + 1);
            line.extend(chunk.iter().take(length).take(LONGEST_LINE - line.len()));
            self.stream.consume(length);
            if end.is_some() {
                return Ok(line.trim_ascii_end().to_vec());
            }
        }
    }
}

/// To the first address that answers.
async fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
    let mut last = io::Error::other("the name has no address");
    for address in lookup_host((host, port)).await? {
        let connected = timeout(ONE_ADDRESS, TcpStream::connect(address)).await;
        match connected.unwrap_or_else(|late| Err(late.into())) {
            Ok(stream) => {
                // Commands are short and each is waited for.
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn what_is_sent_waits_for_no_company() {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = server.local_addr().unwrap().port();
        let stream = connect("127.0.0.1", port).await.unwrap();
        assert!(stream.nodelay().unwrap());
    }

    /// What a client reads of these bytes before the connection ends.
    async fn read(bytes: &'static [u8]) -> io::Result<(u16, Vec<String>)> {
        let (client, mut server) = tokio::io::duplex(64);
        tokio::spawn(async move {
            server.write_all(bytes).await.unwrap();
        });
        let mut wire = Wire::over(client, Ipv4Addr::LOCALHOST.into());
        let reply = wire.reply().await?;
        Ok((reply.code, reply.lines))
    }

    #[tokio::test]
    async fn a_reply_is_its_three_digits_whatever_follows() {
        for (bytes, code, lines) in [
            (&b"250 ok\r\n"[..], 250, vec!["ok"]),
            (b"250\r\n", 250, vec![""]),
            (b"250 \r\n", 250, vec![""]),
            (b"250 ok\n", 250, vec!["ok"]),
            (b"299 ok\r\n", 299, vec!["ok"]),
            (b"250\tok\r\n", 250, vec!["ok"]),
            (
                b"250 2.0.0 Message accept\xe9\r\n",
                250,
                vec!["2.0.0 Message accept\u{fffd}"],
            ),
            (
                b"250-\xff\xfe\r\n250-\r\n250 \x80\r\n",
                250,
                vec!["\u{fffd}\u{fffd}", "", "\u{fffd}"],
            ),
            (
                b"550-5.1.1 no\r\n550 5.1.1 such user\r\n",
                550,
                vec!["5.1.1 no", "5.1.1 such user"],
            ),
        ] {
            let read = read(bytes).await.unwrap();
            let lines = lines.into_iter().map(str::to_owned).collect::<Vec<_>>();
            assert_eq!(read, (code, lines));
        }
    }

    #[tokio::test]
    async fn the_text_of_a_reply_may_be_of_any_length() {
        let long = format!("250-{}\r\n250 ok\r\n", "é".repeat(100_000));
        let (code, lines) = read(long.leak().as_bytes()).await.unwrap();
        assert_eq!((code, lines.len()), (250, 2));
        assert!(lines.iter().all(|line| line.len() <= LONGEST_LINE + 2));
        let many = format!("{}250 ok\r\n", "250-x\r\n".repeat(10_000));
        let (code, lines) = read(many.leak().as_bytes()).await.unwrap();
        assert_eq!((code, lines.len()), (250, MOST_LINES));
    }

    #[tokio::test]
    async fn what_does_not_begin_with_three_digits_is_no_reply() {
        for bytes in [
            &b"ok\r\n"[..],
            b"\r\n",
            b"25\r\n",
            b"25x ok\r\n",
            b"+50 ok\r\n",
            b"\xff\xff\xff ok\r\n",
            b"150 ok\r\n",
            b"650 ok\r\n",
            b"HTTP/1.1 400 Bad Request\r\n",
            b"250-ok\r\nok\r\n",
            b"250 o",
            b"",
        ] {
            assert!(read(bytes).await.is_err(), "{bytes:?}");
        }
    }
}
