//! An HTTP/1.1 client that costs as little as possible beside what it measures: one connection, kept alive.

use std::io::{BufRead as _, BufReader, Error, ErrorKind, Read as _, Result, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// Longer than any server here may take for an answer.
const ANSWER_TIME_LIMIT: Duration = Duration::from_secs(60);

/// To one server, made anew where the server has closed it.
pub(crate) struct Connection {
    server: SocketAddr,
    stream: Option<BufReader<TcpStream>>,
}

/// What a server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    stays_open: bool,
}

impl Answer {
    /// 2xx.
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body of a success.
    pub(crate) fn json(self) -> anyhow::Result<Value> {
        let text = String::from_utf8_lossy(&self.body);
        anyhow::ensure!(self.is_success(), "{}: {text}", self.status);
        Ok(serde_json::from_slice(&self.body)?)
    }
}

impl Connection {
    /// To a server on this machine; connects with the first request.
    pub(crate) fn to(port: u16) -> Self {
        Self {
            server: SocketAddr::from(([127, 0, 0, 1], port)),
            stream: None,
        }
    }

    /// Without a body.
    pub(crate) fn get(&mut self, path: &str) -> Result<Answer> {
        self.send("GET", path, b"")
    }

    /// With a body of JSON. A kept connection that the server has closed meanwhile is made anew, once, as by
    /// every client.
    pub(crate) fn send(&mut self, method: &str, path: &str, body: &[u8]) -> Result<Answer> {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n",
            body.len()
        );
        let request = [head.as_bytes(), body].concat();
        if let Some(stream) = self.stream.take() {
            match self.ask(stream, &request) {
                Err(error) if closed(&error) => {}
                answered => return answered,
            }
        }
        let stream = TcpStream::connect(self.server)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_TIME_LIMIT))?;
        self.ask(BufReader::new(stream), &request)
    }

    fn ask(&mut self, mut stream: BufReader<TcpStream>, request: &[u8]) -> Result<Answer> {
        stream.get_mut().write_all(request)?;
        let answer = read(&mut stream)?;
        if answer.stays_open {
            self.stream = Some(stream);
        }
        Ok(answer)
    }
}

/// Whether the server had closed the connection before it saw the request.
fn closed(error: &Error) -> bool {
    let kinds = [
        ErrorKind::UnexpectedEof,
        ErrorKind::ConnectionReset,
        ErrorKind::ConnectionAborted,
        ErrorKind::BrokenPipe,
    ];
    kinds.contains(&error.kind())
}

fn read(stream: &mut BufReader<TcpStream>) -> Result<Answer> {
    let first = line(stream)?;
    let status = first.split(' ').nth(1).and_then(|code| code.parse().ok());
    let status = status.ok_or_else(|| Error::new(ErrorKind::InvalidData, first.clone()))?;
    let (mut length, mut chunked, mut stays_open) = (0, false, true);
    loop {
        let header = line(stream)?;
        let Some((name, value)) = header.split_once(':') else {
            break;
        };
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            length = value.parse().map_err(Error::other)?;
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            chunked = value.eq_ignore_ascii_case("chunked");
        } else if name.eq_ignore_ascii_case("connection") {
            stays_open = !value.eq_ignore_ascii_case("close");
        }
    }
    let body = if chunked {
        chunks(stream)?
    } else {
        exactly(stream, length)?
    };
    Ok(Answer {
        status,
        body,
        stays_open,
    })
}

fn chunks(stream: &mut BufReader<TcpStream>) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let size = line(stream)?;
        let size = size.split(';').next().unwrap_or_default();
        let size = usize::from_str_radix(size.trim(), 16).map_err(Error::other)?;
        body.extend(exactly(stream, size)?);
        line(stream)?;
        if size == 0 {
            return Ok(body);
        }
    }
}

fn exactly(stream: &mut BufReader<TcpStream>, length: usize) -> Result<Vec<u8>> {
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok(body)
}

/// Without its end.
fn line(stream: &mut BufReader<TcpStream>) -> Result<String> {
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// A server that answers each request of each connection with the next of these, and closes the connection
    /// after as many as are said.
    fn server(connections: &'static [&'static [&'static str]]) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for answers in connections {
                let (stream, _) = listener.accept().unwrap();
                let mut stream = BufReader::new(stream);
                for answer in *answers {
                    while !line(&mut stream).unwrap().is_empty() {}
                    stream.get_mut().write_all(answer.as_bytes()).unwrap();
                }
            }
        });
        port
    }

    const SIZED: &str = "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nhi";
    const CHUNKED: &str =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n";
    const CLOSING: &str = "HTTP/1.1 503 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

    #[test]
    fn answers_of_known_length_and_in_chunks_are_read_on_one_connection() {
        let mut connection = Connection::to(server(&[&[SIZED, CHUNKED]]));
        let answer = connection.get("/").unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (201, &b"hi"[..]));
        let answer = connection.get("/").unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (200, &b"abcd"[..]));
    }

    #[test]
    fn a_connection_that_the_server_closed_is_made_anew() {
        let mut connection = Connection::to(server(&[&[CLOSING], &[SIZED], &[SIZED]]));
        assert_eq!(connection.get("/").unwrap().status, 503);
        assert_eq!(connection.get("/").unwrap().status, 201);
        assert_eq!(connection.get("/").unwrap().status, 201);
    }
}
