//! A client of the live connection, as small as one can be: what is typed is sent, what the server
//! says is printed.
//!
//! `cargo run -q --example socket -- http://127.0.0.1:8080 ACCESS_TOKEN`

use std::error::Error;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncBufReadExt, BufReader, stdin};
use tokio_tungstenite::{
    connect_async,
    tungstenite::{Message, client::IntoClientRequest, http::header::AUTHORIZATION},
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(server), Some(token)) = (arguments.next(), arguments.next()) else {
        return Err("usage: socket http://HOST:PORT ACCESS_TOKEN".into());
    };
    let server = server.trim_end_matches('/').replacen("http", "ws", 1);
    let mut request = format!("{server}/ws/staff/").into_client_request()?;
    request.headers_mut().insert(AUTHORIZATION, format!("Bearer {token}").parse()?);
    let (mut socket, _) = connect_async(request).await?;
    let mut typed = BufReader::new(stdin()).lines();
    let mut typing = true;
    loop {
        tokio::select! {
            heard = socket.next() => match heard {
                Some(Ok(Message::Text(text))) => println!("{text}"),
                Some(Ok(Message::Close(_))) | None => return Ok(()),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error.into()),
            },
            // When nothing more is typed it goes on listening.
            line = typed.next_line(), if typing => match line? {
                Some(line) => socket.send(Message::text(line)).await?,
                None => typing = false,
            },
        }
    }
}
