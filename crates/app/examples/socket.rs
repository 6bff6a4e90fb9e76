//! Minimal client of the WebSocket: sends each line of standard input, prints each received message.
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
    let mut input = BufReader::new(stdin()).lines();
    let mut has_input = true;
    loop {
        tokio::select! {
            received = socket.next() => match received {
                Some(Ok(Message::Text(text))) => println!("{text}"),
                Some(Ok(Message::Close(_))) | None => return Ok(()),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error.into()),
            },
            // After the end of standard input, received messages are still printed.
            line = input.next_line(), if has_input => match line? {
                Some(line) => socket.send(Message::text(line)).await?,
                None => has_input = false,
            },
        }
    }
}
