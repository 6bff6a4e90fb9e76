//! The demo with a simulated WhatsApp: `serve --demo --simulate-whatsapp`, as `make run` starts it.

use std::{
    net::TcpStream,
    sync::Arc,
    time::{Duration, Instant},
};

use acceptance::{ApiClient, StaffClient, TestWorld, Value, WorldOptions, http, json, on_both, on_sqlite};

/// Longest wait for a delivery status.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(30);

fn simulated_demo() -> WorldOptions {
    WorldOptions::default().hotels(0).arguments(&["--demo", "--simulate-whatsapp"])
}

/// The simulator's address in the output of `serve`.
fn simulator_url(world: &TestWorld) -> String {
    let output = world.server_output().join("\n");
    let at = output.split("WhatsApp is simulated at ").nth(1).unwrap_or_else(|| panic!("{output}"));
    at.split(": ").next().unwrap().to_owned()
}

async fn sign_in_as_reception(world: &Arc<TestWorld>) -> StaffClient {
    let output = world.server_output().join("\n");
    let password = output.split("with the password ").nth(1).unwrap().split(',').next().unwrap().to_owned();
    StaffClient::sign_in(&ApiClient::new(world), "reception", &password).await
}

async fn write_as_guest(world: &Arc<TestWorld>, words: &str) -> Value {
    let guest = json!({ "phone": "+34600123456", "name": "Ana", "text": words });
    ApiClient::new(world).post("/api/demo/guest_message/", guest).await.is(201)
}

/// Text and delivery of the outgoing messages of a conversation.
async fn fetch_deliveries(staff: &StaffClient, conversation: &Value) -> Vec<(String, String)> {
    let messages = staff.get(format!("conversations/{conversation}/messages/")).await.is(200);
    let outgoing = messages.as_array().unwrap().iter().filter(|it| it["delivery"].is_string());
    let text = |it: &Value| it.as_str().unwrap().to_owned();
    outgoing.map(|it| (text(&it["content"]), text(&it["delivery"]))).collect()
}

/// Waits until all outgoing messages are read.
async fn wait_until_read(staff: &StaffClient, conversation: &Value) -> Vec<(String, String)> {
    let start = Instant::now();
    loop {
        let deliveries = fetch_deliveries(staff, conversation).await;
        if !deliveries.is_empty() && deliveries.iter().all(|it| it.1 == "read") {
            return deliveries;
        }
        assert!(start.elapsed() < DELIVERY_TIMEOUT, "{deliveries:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

on_both!(replies_to_a_simulated_guest_are_delivered_and_read, simulated_demo() => |world| {
    let staff = sign_in_as_reception(&world).await;
    let conversation = write_as_guest(&world, "Is the pool open?").await["conversation_id"].clone();
    let send = format!("conversations/{conversation}/send_message/");
    let sent = staff.post(&send, json!({ "text": "Until eight, Ana." })).await.is(201);
    assert_eq!(sent["delivery"], "queued");
    let deliveries = wait_until_read(&staff, &conversation).await;
    assert!(deliveries.iter().any(|it| it.0 == "Until eight, Ana."), "{deliveries:?}");
    // A guest message through the simulator arrives at the webhook and in the same conversation.
    let writes = json!({ "from": "+34600123456", "text": "Thank you!" });
    let written = http().no_proxy().build().unwrap().post(format!("{}/control/guest/", simulator_url(&world)));
    assert_eq!(written.json(&writes).send().await.unwrap().status(), 200);
    let start = Instant::now();
    loop {
        let messages = staff.get(format!("conversations/{conversation}/messages/")).await.is(200);
        if messages.as_array().unwrap().iter().any(|it| it["content"] == "Thank you!") {
            break;
        }
        assert!(start.elapsed() < DELIVERY_TIMEOUT, "{messages}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
});

/// WhatsApp settings that must not be used.
fn with_whatsapp_settings() -> WorldOptions {
    simulated_demo()
        .set("WHATSAPP_API_URL", "http://127.0.0.1:9")
        .set("WHATSAPP_ACCESS_TOKEN", "of-the-real-app")
        .set("WHATSAPP_APP_SECRET", "of-the-real-app")
}

on_sqlite!(whatsapp_settings_are_not_used, with_whatsapp_settings() => |world| {
    let staff = sign_in_as_reception(&world).await;
    let conversation = write_as_guest(&world, "Hello").await["conversation_id"].clone();
    staff.post(format!("conversations/{conversation}/send_message/"), json!({ "text": "Hello!" })).await.is(201);
    wait_until_read(&staff, &conversation).await;
});

/// As in a container without certificates.
fn without_certificates() -> WorldOptions {
    simulated_demo().set("SSL_CERT_FILE", "/nowhere").set("SSL_CERT_DIR", "/nowhere")
}

on_sqlite!(no_certificates_are_needed, without_certificates() => |world| {
    let staff = sign_in_as_reception(&world).await;
    let conversation = write_as_guest(&world, "Hello").await["conversation_id"].clone();
    staff.post(format!("conversations/{conversation}/send_message/"), json!({ "text": "Hello!" })).await.is(201);
    wait_until_read(&staff, &conversation).await;
});

on_sqlite!(one_signal_stops_server_and_simulator, simulated_demo() => |world| {
    let simulator = simulator_url(&world).trim_start_matches("http://").to_owned();
    assert!(TcpStream::connect(&simulator).is_ok());
    world.signal("INT");
    assert_eq!(world.wait_for_exit(Duration::from_secs(12)).await, Some(0));
    assert!(TcpStream::connect(&simulator).is_err());
    // After a restart it is the same hotel with the same number.
    world.serve();
    assert_eq!(world.number("SELECT count(*) FROM hotels WHERE whatsapp_phone_number_id = '105000000000001'"), 1);
    assert_ne!(simulator_url(&world), "");
});

on_sqlite!(the_simulator_needs_demo, without_server simulated_demo() => |world| {
    assert!(world.run(&["serve", "--simulate-whatsapp"]).fails(2).contains("--demo"));
});

on_sqlite!(played_guests_write_while_they_are_switched_on, simulated_demo() => |world| {
    let anonymous = ApiClient::new(&world);
    let demo = anonymous.get("/api/demo/").await.is(200);
    assert_eq!(demo["playing"], false);
    let sign_ins = demo["sign_ins"].as_array().unwrap();
    let names: Vec<&str> = sign_ins.iter().map(|it| it["username"].as_str().unwrap()).collect();
    assert_eq!(names, ["manager", "reception", "housekeeping", "restaurant", "maintenance"]);
    assert_eq!((&sign_ins[0]["role"], &sign_ins[0]["departments"]), (&json!("manager"), &json!([])));
    assert_eq!((&sign_ins[1]["role"], &sign_ins[1]["departments"][0]["name"]), (&json!("staff"), &json!("Reception")));
    assert_eq!(anonymous.patch("/api/demo/", json!({ "playing": "yes" })).await.bad_fields(), ["playing"]);
    let guest_messages = || world.number("SELECT count(*) FROM messages WHERE sender_type = 'guest'");
    let before = guest_messages();
    let switched = anonymous.patch("/api/demo", json!({ "playing": true })).await.is(200);
    assert_eq!((&switched["playing"], &switched["sign_ins"]), (&json!(true), &demo["sign_ins"]));
    let start = Instant::now();
    while guest_messages() == before {
        assert!(start.elapsed() < DELIVERY_TIMEOUT, "no played guest has written");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // The guest is one of the demo hotel's: no conversation without stay was made.
    assert_eq!(world.number("SELECT count(*) FROM conversations WHERE stay_id IS NULL"), 0);
    let stopped = anonymous.patch("/api/demo/", json!({ "playing": false })).await.is(200);
    assert_eq!(stopped["playing"], false);
    let now = guest_messages();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(guest_messages(), now);
});

/// A server with data and without `--demo`.
fn without_demo() -> WorldOptions {
    WorldOptions::default().hotels(1).arguments(&[])
}

on_sqlite!(without_demo_nothing_is_played, without_demo() => |world| {
    let anonymous = ApiClient::new(&world);
    anonymous.get("/api/demo/").await.problem(404, "not_found");
    anonymous.patch("/api/demo/", json!({ "playing": true })).await.problem(404, "not_found");
});

on_sqlite!(a_later_start_of_the_demo_names_the_sign_ins, WorldOptions::default().hotels(0).arguments(&["--demo"]) => |world| {
    let first = world.server_output().join("\n");
    let password = first.split("with the password ").nth(1).unwrap().split(',').next().unwrap();
    world.kill();
    world.serve();
    let later = world.server_output().join("\n");
    for text in ["manager ", "reception ", "staff passwd manager"] {
        assert!(later.contains(text), "{text} is not in {later}");
    }
    assert!(!later.contains(password), "{later}");
    // The command is right.
    let changed = world.run(&["staff", "passwd", "manager"]).json()["password"].as_str().unwrap().to_owned();
    StaffClient::sign_in(&ApiClient::new(&world), "manager", &changed).await;
});
