//! The 24 hours after a guest's message.

use std::{sync::Arc, time::Duration};

use acceptance::{Backend, Options, Port, Whatsapp, by_whatsapp, json, on_both};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    time::sleep,
};

use super::*;
use crate::figures::figure_is;

on_both!(outside_of_them_nothing_goes, whatsapp Options::default() => |it| {
    let line = it.line();
    let talk = Talk::with(&line, "+447700900470").await;
    let before = talk.say(&words()).await;
    talk.comes_to(before, "read").await;
    // One waits for the account, longer than the guest's hours last.
    it.meta.post("account/", json!({ "error": 131042 })).await;
    let words = words();
    let late = talk.say(&words).await;
    // From then on it is tried every five minutes.
    let told = format!("nothing is sent for hotel {}", line.id);
    line.until(&told, async || it.world.log_text().contains(&told).then_some(())).await;
    it.advance(24 * 3600 + 60).await;
    it.meta.post("account/", json!({ "error": -1 })).await;
    let talk = talk.back().await;
    talk.try_say("too late").await.problem(409, "window_closed");
    let failed = talk.comes_to(late, "failed").await;
    is_sentence(&failed["failure"]);
    assert!(failed["failure"].as_str().unwrap().contains("24 hours"), "{failed}");
    assert_eq!(times(&line, &words).await, 0);
});

#[test]
fn what_waited_in_a_restored_backup_is_not_sent_again() {
    by_whatsapp(Backend::Sqlite, Options::default(), async |it: Arc<Whatsapp>| {
        let talk = Talk::with(&it.line(), "+447700900471").await;
        it.meta.post("account/", json!({ "error": 131042 })).await;
        let (words, after) = (words(), words());
        let id = talk.say(&words).await;
        figure_is(&it.world, "whatsapp_stopped ", Duration::from_secs(10), |n| n == 1.0).await;
        it.world.run(&["backup", "copy.db"]).json();
        it.meta.post("account/", json!({ "error": -1 })).await;
        it.world.advance(301);
        talk.comes_to(id, "read").await;
        it.world.kill();
        it.world.run(&["restore", "copy.db"]).json();
        it.world.serve();
        let talk = talk.back().await;
        is_sentence(&talk.message(id).await["failure"]);
        assert_eq!(talk.message(id).await["delivery"], "unknown");
        // The backup's channel is stopped as well: it is tried five minutes after that is found.
        let next = talk.say(&after).await;
        sleep(Duration::from_secs(2)).await;
        it.world.advance(301);
        talk.comes_to(next, "read").await;
        assert_eq!((times(&talk.line, &words).await, times(&talk.line, &after).await), (1, 1));
    });
}

#[test]
fn what_cannot_be_reached_is_tried_until_it_can_and_then_sent_once() {
    for backend in [Backend::Sqlite, Backend::Postgres] {
        let port = Port::free();
        let options = Options::default().set("WHATSAPP_API_URL", format!("http://{}", port.address()));
        by_whatsapp(backend, options, async |it: Arc<Whatsapp>| {
            let talk = Talk::with(&it.line(), "+447700900472").await;
            let words = words();
            let id = talk.say(&words).await;
            sleep(Duration::from_secs(3)).await;
            assert_eq!(talk.message(id).await["delivery"], "queued");
            let listener = TcpListener::bind(port.address()).await.unwrap();
            let meta = it.meta.base.trim_start_matches("http://").to_owned();
            tokio::spawn(async move {
                while let Ok((mut near, _)) = listener.accept().await {
                    let mut far = TcpStream::connect(&meta).await.unwrap();
                    tokio::spawn(async move { copy_bidirectional(&mut near, &mut far).await });
                }
            });
            talk.comes_to(id, "read").await;
            assert_eq!(times(&talk.line, &words).await, 1);
        });
    }
}
