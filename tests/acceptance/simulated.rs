//! A demo in which WhatsApp is played: `serve --demo --simulate-whatsapp`, which is what `make run` does.

use std::{
    net::TcpStream,
    sync::Arc,
    time::{Duration, Instant},
};

use acceptance::{Client, Options, Staff, Value, World, http, json, on_both};

/// How long ticks may take.
const PATIENCE: Duration = Duration::from_secs(30);

fn played() -> Options {
    Options::default().hotels(0).arguments(&["--demo", "--simulate-whatsapp"])
}

/// Where it said that WhatsApp is played.
fn meta(world: &World) -> String {
    let said = world.said().join("\n");
    let at = said.split("WhatsApp is only played, at ").nth(1).unwrap_or_else(|| panic!("{said}"));
    at.split(": ").next().unwrap().to_owned()
}

async fn reception(world: &Arc<World>) -> Staff {
    let said = world.said().join("\n");
    let password = said.split("with the password ").nth(1).unwrap().split(',').next().unwrap().to_owned();
    Staff::sign_in(&Client::new(world), "reception", &password).await
}

async fn guest_says(world: &Arc<World>, words: &str) -> Value {
    let guest = json!({ "phone": "+34600123456", "name": "Ana", "text": words });
    Client::new(world).post("/api/demo/guest_message/", guest).await.is(201)
}

/// The texts of the staff and the system in a conversation, and how far each has come.
async fn ticks(staff: &Staff, conversation: &Value) -> Vec<(String, String)> {
    let messages = staff.get(format!("conversations/{conversation}/messages/")).await.is(200);
    let ours = messages.as_array().unwrap().iter().filter(|it| it["delivery"].is_string());
    let text = |it: &Value| it.as_str().unwrap().to_owned();
    ours.map(|it| (text(&it["content"]), text(&it["delivery"]))).collect()
}

/// Waits until all of them have been read.
async fn all_read(staff: &Staff, conversation: &Value) -> Vec<(String, String)> {
    let start = Instant::now();
    loop {
        let ticks = ticks(staff, conversation).await;
        if !ticks.is_empty() && ticks.iter().all(|it| it.1 == "read") {
            return ticks;
        }
        assert!(start.elapsed() < PATIENCE, "{ticks:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

on_both!(what_staff_write_to_a_played_guest_gets_its_ticks, played() => |world| {
    let staff = reception(&world).await;
    let conversation = guest_says(&world, "Is the pool open?").await["conversation_id"].clone();
    let send = format!("conversations/{conversation}/send_message/");
    let sent = staff.post(&send, json!({ "text": "Until eight, Ana." })).await.is(201);
    assert_eq!(sent["delivery"], "queued");
    let ticks = all_read(&staff, &conversation).await;
    assert!(ticks.iter().any(|it| it.0 == "Until eight, Ana."), "{ticks:?}");
    // A guest who writes by the simulator comes in by the webhook, to the same conversation.
    let writes = json!({ "from": "+34600123456", "text": "Thank you!" });
    let written = http().no_proxy().build().unwrap().post(format!("{}/control/guest/", meta(&world)));
    assert_eq!(written.json(&writes).send().await.unwrap().status(), 200);
    let start = Instant::now();
    loop {
        let messages = staff.get(format!("conversations/{conversation}/messages/")).await.is(200);
        if messages.as_array().unwrap().iter().any(|it| it["content"] == "Thank you!") {
            break;
        }
        assert!(start.elapsed() < PATIENCE, "{messages}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
});

/// Whatever is set, nothing goes to Meta.
fn set_for_meta() -> Options {
    played()
        .set("WHATSAPP_API_URL", "http://127.0.0.1:9")
        .set("WHATSAPP_ACCESS_TOKEN", "of-the-real-app")
        .set("WHATSAPP_APP_SECRET", "of-the-real-app")
}

on_both!(what_is_set_is_not_used, set_for_meta() => |world| {
    let staff = reception(&world).await;
    let conversation = guest_says(&world, "Hello").await["conversation_id"].clone();
    staff.post(format!("conversations/{conversation}/send_message/"), json!({ "text": "Hello!" })).await.is(201);
    all_read(&staff, &conversation).await;
});

/// As in a container that has the program alone.
fn without_certificates() -> Options {
    played().set("SSL_CERT_FILE", "/nowhere").set("SSL_CERT_DIR", "/nowhere")
}

on_both!(no_certificates_are_needed, without_certificates() => |world| {
    let staff = reception(&world).await;
    let conversation = guest_says(&world, "Hello").await["conversation_id"].clone();
    staff.post(format!("conversations/{conversation}/send_message/"), json!({ "text": "Hello!" })).await.is(201);
    all_read(&staff, &conversation).await;
});

on_both!(one_signal_ends_both, played() => |world| {
    let simulator = meta(&world).trim_start_matches("http://").to_owned();
    assert!(TcpStream::connect(&simulator).is_ok());
    world.signal("INT");
    assert_eq!(world.ended(Duration::from_secs(12)).await, Some(0));
    assert!(TcpStream::connect(&simulator).is_err());
    // The second time it is the same hotel, with the same number.
    world.serve();
    assert_eq!(world.number("SELECT count(*) FROM hotels WHERE whatsapp_phone_number_id = '105000000000001'"), 1);
    assert_ne!(meta(&world), "");
});

on_both!(only_a_demo_has_it, unserved played() => |world| {
    assert!(world.run(&["serve", "--simulate-whatsapp"]).fails(2).contains("--demo"));
});
