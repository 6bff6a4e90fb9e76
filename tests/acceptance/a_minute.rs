//! WebSocket heartbeats, pings and idle timeouts in real time. The test takes over a minute; its name sorts first, so
//! that it starts first and runs beside the others. No database is involved, so SQLite is enough.

use std::time::Duration;

use acceptance::{DatabaseKind, TestSocket, WorldOptions, alone, json};
use tokio::{io::AsyncReadExt, net::TcpStream};

/// Reads one frame of the server: opcode and payload.
async fn read_frame(stream: &mut TcpStream) -> (u8, Vec<u8>) {
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

/// Reads frames without answering a ping, until the server closes. Returns the close code and the numbers of heartbeats
/// and pings.
async fn read_without_answering(socket: &mut TestSocket) -> (u16, usize, usize) {
    let (mut heartbeats, mut pings) = (0, 0);
    loop {
        match read_frame(socket.stream()).await {
            (0x1, text) => heartbeats += usize::from(String::from_utf8(text).unwrap().contains("heartbeat")),
            (0x8, close) => return (u16::from_be_bytes([close[0], close[1]]), heartbeats, pings),
            (0x9, _) => pings += 1,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn silent_and_stuck_sockets_are_closed_and_healthy_ones_stay_open() {
    alone(DatabaseKind::Sqlite, WorldOptions::default(), |world| async move {
        let hotel = world.hotel();
        let (staff, stay) = (hotel.of(0).await, hotel.assigned(0).await);
        let mut silent = TestSocket::open(&hotel.of(1).await).await;
        let mut healthy = TestSocket::open(&hotel.of(2).await).await;
        let mut stuck = TestSocket::open_narrow(&staff).await;
        stuck.subscribe(stay.id).await;
        // The stuck client reads neither the messages nor the close frame, so it is cut off ten seconds later.
        let long = "🛎".repeat(4000);
        for _ in 0..100 {
            hotel.send_message(&staff, &stay, &long).await;
        }
        let head: i64 = staff.get(stay.path("")).await.header("x-event-seq").unwrap().parse().unwrap();
        let heartbeats = async {
            let first = healthy.heartbeat(Duration::from_secs(40)).await;
            let second = healthy.heartbeat(Duration::from_secs(40)).await;
            assert_eq!((&first, &second), (&json!({ "type": "heartbeat", "seq": head }), &first));
        };
        let (outcome, ()) = tokio::join!(read_without_answering(&mut silent), heartbeats);
        assert_eq!(outcome, (1001, 2, 2));
        healthy.ping().await;
        assert_eq!(stuck.closed().await, 1006);
        assert!(stuck.waiting().len() < 100);
    });
}
