//! What takes a real minute. Its name puts it before all others, so that they run meanwhile; once
//! is enough, since no database is concerned.

use std::time::Duration;

use acceptance::{Backend, Options, Socket, alone, json};
use tokio::{io::AsyncReadExt, net::TcpStream};

/// A frame of the server: its opcode and its payload. Nothing is answered.
async fn frame(stream: &mut TcpStream) -> (u8, Vec<u8>) {
    let mut head = [0; 2];
    stream.read_exact(&mut head).await.unwrap();
    let length = match head[1] {
        126 => usize::from(stream.read_u16().await.unwrap()),
        short => usize::from(short),
    };
    let mut payload = vec![0; length];
    stream.read_exact(&mut payload).await.unwrap();
    (head[0] & 0xf, payload)
}

/// Reads on without a word, to the code of the close; the heartbeats and pings that came before.
async fn in_silence(socket: &mut Socket) -> (u16, usize, usize) {
    let (mut heartbeats, mut pings) = (0, 0);
    loop {
        match frame(socket.stream()).await {
            (0x1, text) => heartbeats += usize::from(String::from_utf8(text).unwrap().contains("heartbeat")),
            (0x8, close) => return (u16::from_be_bytes([close[0], close[1]]), heartbeats, pings),
            (0x9, _) => pings += 1,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn the_silent_and_the_stuck_are_given_up_and_the_others_are_not() {
    alone(Backend::Sqlite, Options::default(), |world| async move {
        let hotel = world.hotel();
        let (staff, stay) = (hotel.of(0).await, hotel.assigned(0).await);
        let mut silent = Socket::open(&hotel.of(1).await).await;
        let mut healthy = Socket::open(&hotel.of(2).await).await;
        let mut stuck = Socket::open_narrow(&staff).await;
        stuck.subscribe(stay.id).await;
        // It reads nothing of this, nor the close: ten seconds later it is cut off.
        let long = "🛎".repeat(4000);
        for _ in 0..100 {
            hotel.says(&staff, &stay, &long).await;
        }
        let head: i64 = staff.get(stay.path("")).await.header("x-event-seq").unwrap().parse().unwrap();
        let watched = async {
            let first = healthy.heartbeat(Duration::from_secs(40)).await;
            let second = healthy.heartbeat(Duration::from_secs(40)).await;
            assert_eq!((&first, &second), (&json!({ "type": "heartbeat", "seq": head }), &first));
        };
        let (ended, ()) = tokio::join!(in_silence(&mut silent), watched);
        assert_eq!(ended, (1001, 2, 2));
        healthy.ping().await;
        assert_eq!(stuck.closed().await, 1006);
        assert!(stuck.waiting().len() < 100);
    });
}
