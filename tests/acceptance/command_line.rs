//! The command line: output, errors and exit codes.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::TcpListener,
    sync::Arc,
    time::Duration,
};

use acceptance::{
    ApiClient, CommandOutput, PASSWORD, StaffClient, TestSocket, TestWorld, Value, WorldOptions, json, on_both,
    on_sqlite, unique,
};

use crate::{ids, keys};

/// Longest time until a running server notices a change by a command.
const CHANGE_NOTICE_TIMEOUT: Duration = Duration::from_secs(5);

fn empty_database() -> WorldOptions {
    WorldOptions::default().hotels(0).arguments(&[]).set("RUST_LOG", "off")
}

/// The error of a failed command, which is one line.
#[track_caller]
pub fn error_line(output: &CommandOutput) -> &str {
    let error = output.fails(1);
    assert!(error.starts_with("message-manager: ") && error.lines().count() == 1, "{error}");
    assert!(output.stdout.is_empty(), "{output:?}");
    error
}

/// Creates a hotel, and the database if there is none; returns the hotel's id as text.
fn create_hotel(world: &TestWorld, name: &str) -> String {
    assert_eq!(world.run(&["migrate"]).code, Some(0));
    world.run(&["hotel", "create", "--name", name]).json()["id"].as_i64().unwrap().to_string()
}

async fn sign_in(world: &Arc<TestWorld>, username: &str, password: &str) -> StaffClient {
    StaffClient::sign_in(&ApiClient::new(world), username, password).await
}

/// Runs a command whose reader closes the pipe before the first output.
fn run_with_closed_pipe(world: &TestWorld, arguments: &str) -> (Option<i32>, String) {
    let script = format!("{{ sleep 0.2; exec \"$0\" {arguments}; }} | true; exit ${{PIPESTATUS[0]}}");
    let mut command = std::process::Command::new("bash");
    command.args(["-c", &script]).arg(acceptance::binary()).current_dir(world.folder());
    let done = command.envs(&world.program.settings).output().unwrap();
    (done.status.code(), String::from_utf8(done.stderr).unwrap())
}

on_sqlite!(a_closed_pipe_is_no_error, without_server empty_database() => |world| {
    create_hotel(&world, "Grand");
    for arguments in ["openapi", "asyncapi", "hotel list", "staff list", "migrate", "parked list", "doctor", "--version"] {
        let (code, stderr) = run_with_closed_pipe(&world, arguments);
        assert!(!stderr.contains("Broken pipe") && !stderr.contains("panic"), "{arguments}: {stderr}");
        assert!(arguments == "doctor" || (code, stderr.as_str()) == (Some(0), ""), "{arguments}: {code:?} {stderr}");
    }
});

on_both!(hotels_departments_and_staff_are_created, without_server empty_database() => |world| {
    world.run(&["migrate"]);
    let created = world.run(&["hotel", "create", "--name", "Grand Hôtel"]).json();
    assert_eq!(keys(&created), ["id"]);
    let id = created["id"].to_string();
    let listed = world.run(&["hotel", "list"]).json();
    assert_eq!(listed["hotels"][0]["id"], created["id"]);
    assert_eq!(listed["hotels"][0]["name"], "Grand Hôtel");
    let spa = world.run(&["department", "create", "--hotel", &id, "--name", "Spa"]).json();
    assert_eq!(keys(&spa), ["id"]);
    let spa = spa["id"].to_string();
    let create = ["staff", "create", "--hotel", &id, "--name", "Ana", "--role"];
    let manager = world.run(&[&create[..], &["manager", "--username", "boss", "--permanent"]].concat()).json();
    assert_eq!(keys(&manager), ["id", "password", "username"]);
    let given = [&create[..], &["staff", "--username", "ana", "--department", &spa, "--password-stdin", "--permanent"]].concat();
    let ana = world.program.run_with_input(&given, "given on standard input\n").json();
    assert_eq!(keys(&ana), ["id", "username"]);
    let staff = world.run(&["staff", "list"]).json();
    assert_eq!(ids(&staff["staff"]), [manager["id"].as_i64().unwrap(), ana["id"].as_i64().unwrap()]);
    assert!(!staff.to_string().contains("password"), "{staff}");
    world.serve();
    let manager = sign_in(&world, "boss", manager["password"].as_str().unwrap()).await;
    let departments = manager.get("departments/").await.is(200);
    let names: Vec<&str> = departments["results"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Reception", "Spa"]);
    let ana = sign_in(&world, "ana", "given on standard input").await;
    assert_eq!(ana.me["departments"][0]["name"], "Spa");
    assert_eq!(ana.me["hotel"]["name"], "Grand Hôtel");
});

on_both!(failed_commands_print_one_line_and_change_nothing, without_server empty_database() => |world| {
    let (one, other) = (create_hotel(&world, "One"), create_hotel(&world, "Other"));
    let foreign_department = world.run(&["department", "create", "--hotel", &other, "--name", "Spa"]).json()["id"].to_string();
    let create = |hotel: &str, username: &str, more: &[&str]| {
        let start = ["staff", "create", "--hotel", hotel, "--username", username, "--name", "N", "--role", "staff"];
        world.program.run_with_input(&[&start[..], more].concat(), "short\n")
    };
    create(&one, "taken", &[]).json();
    error_line(&create(&other, "taken", &[]));
    error_line(&create("999999", "u", &[]));
    error_line(&create(&one, "u", &["--department", &foreign_department]));
    error_line(&create(&one, "u", &["--password-stdin"]));
    error_line(&world.run(&["department", "create", "--hotel", &other, "--name", "Spa"]));
    error_line(&world.run(&["department", "create", "--hotel", "999999", "--name", "Spa"]));
    error_line(&world.run(&["hotel", "set", "999999", "--whatsapp-phone-number-id", "1"]));
    error_line(&world.run(&["hotel", "create", "--name", "Z", "--timezone", "Mars/Olympus"]));
    for command in [&["staff", "passwd", "nobody"][..], &["staff", "deactivate", "nobody"]] {
        error_line(&world.run(command));
    }
    error_line(&world.run(&["staff", "set", "taken", "--department", &foreign_department]));
    error_line(&world.run(&["import-stays", "no-such-file.csv", "--hotel", &one]));
    // No failed command has changed anything.
    assert_eq!(world.number("SELECT count(*) FROM staff"), 1);
    assert_eq!(world.number("SELECT count(*) FROM hotels"), 2);
});

on_both!(a_whatsapp_number_belongs_to_one_hotel, without_server empty_database() => |world| {
    let (one, other) = (create_hotel(&world, "One"), create_hotel(&world, "Other"));
    let set = |hotel: &str| world.run(&["hotel", "set", hotel, "--whatsapp-phone-number-id", "10203040"]);
    assert_eq!(set(&one).json()["id"].to_string(), one);
    error_line(&set(&other));
    assert_eq!(set(&one).code, Some(0));
    assert_eq!(world.run(&["hotel", "list"]).json()["hotels"][0]["whatsapp_phone_number_id"], "10203040");
});

#[test]
fn wrong_usage_exits_with_2() {
    let folder = tempfile::tempdir().unwrap();
    let program = acceptance::Program { folder: folder.path().into(), settings: BTreeMap::new(), through: Vec::new() };
    let wrong: [&[&str]; 8] = [
        &[],
        &["nothing"],
        &["serve", "--loud"],
        &["hotel", "create"],
        &["hotel", "set", "0", "--whatsapp-phone-number-id", "1"],
        &["staff", "create", "--hotel", "1", "--username", "u", "--name", "n", "--role", "boss"],
        &["staff", "set", "u"],
        &["generate", "--hotels", "many"],
    ];
    for arguments in wrong {
        let done = program.run(arguments);
        assert!(!done.fails(2).is_empty() && done.stdout.is_empty(), "{arguments:?}: {done:?}");
    }
    let version = program.run(&["--version"]);
    assert_eq!((version.code, version.stdout.trim()), (Some(0), "message-manager 0.1.0 (test-clock)"));
    assert_eq!(program.run(&["--help"]).code, Some(0));
    // No command has created the default database.
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

on_both!(a_new_password_ends_every_session_of_a_running_server, |hotel| {
    let member = hotel.member_of(0);
    let staff = hotel.of(0).await;
    let mut socket = TestSocket::open(&staff).await;
    let done = hotel.world.run(&["staff", "passwd", &member.username]).json();
    assert_eq!(keys(&done), ["id", "password", "username"]);
    staff.get("/api/auth/me/").await.problem(401, "unauthenticated");
    assert_eq!(socket.closed_within(CHANGE_NOTICE_TIMEOUT).await, 4401);
    let login = |password: &str| json!({ "username": member.username, "password": password });
    hotel.anonymous().post("/api/auth/login/", login(PASSWORD)).await.problem(401, "bad_credentials");
    let refresh = json!({ "refresh": staff.refresh });
    hotel.anonymous().post("/api/auth/refresh/", refresh).await.problem(401, "unauthenticated");
    hotel.sign_in(&member.username, done["password"].as_str().unwrap()).await;
    let given = hotel
        .world
        .program
        .run_with_input(&["staff", "passwd", &member.username, "--password-stdin"], "another pass phrase\n");
    assert_eq!(keys(&given.json()), ["id", "username"]);
    hotel.sign_in(&member.username, "another pass phrase").await;
});

on_both!(deactivation_ends_sessions_of_a_running_server, |hotel| {
    let member = hotel.member_of(0);
    let staff = hotel.of(0).await;
    let mut socket = TestSocket::open(&staff).await;
    let done = hotel.world.run(&["staff", "deactivate", &member.username]).json();
    assert_eq!((keys(&done), &done["id"]), (vec!["id", "username"], &json!(member.id)));
    staff.get("conversations/").await.problem(401, "unauthenticated");
    assert_eq!(socket.closed_within(CHANGE_NOTICE_TIMEOUT).await, 4401);
    let login = json!({ "username": member.username, "password": PASSWORD });
    hotel.anonymous().post("/api/auth/login/", login).await.problem(401, "bad_credentials");
});

on_both!(staff_set_changes_visibility_on_a_running_server, |hotel| {
    let (staff, member) = (hotel.of(0).await, hotel.member_of(0));
    let mut socket = TestSocket::open(&staff).await;
    socket.subscribe(hotel.relay(0).id).await;
    let there = hotel.departments[1].id.to_string();
    let done = hotel.world.run(&["staff", "set", &member.username, "--department", &there]).json();
    assert_eq!(keys(&done), ["id", "username"]);
    let gone = socket.expect("unsubscribed").await;
    assert_eq!((&gone["stay_id"], &gone["reason"]), (&json!(hotel.relay(0).id), &json!("reach_changed")));
    staff.get(hotel.relay(0).path("")).await.problem(404, "not_found");
    staff.get(hotel.relay(1).path("")).await.is(200);
    hotel.world.run(&["staff", "set", &member.username, "--role", "manager"]).json();
    staff.get(hotel.relay(2).path("")).await.is(200);
});

on_both!(import_stays_reports_each_row, |hotel| {
    let code = unique("R");
    let row =
        |name: &str, n: u32, phone: &str| format!("{code}-{n};{name};{phone};7{n};2031-01-01;2031-01-0{}\n", n + 1);
    let header = "reservation_code;guest_name;guest_phone;room_number;check_in;check_out\n";
    let (one, two) = (hotel.unused_phone(), hotel.unused_phone());
    let first = hotel.import(&format!("{header}{}{}{}", row("Ana", 1, &one), row("Bo", 2, &two), row("Cy", 3, "5")));
    let results = |it: &Value| -> Vec<String> {
        it["rows"].as_array().unwrap().iter().map(|row| row["result"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(results(&first), ["created", "created", "failed"]);
    assert_eq!(keys(&first), ["rows"]);
    assert_eq!(keys(&first["rows"][0]), ["id", "reservation_code", "result", "row"]);
    assert_eq!(keys(&first["rows"][2]), ["errors", "reservation_code", "result", "row"]);
    assert_eq!(keys(&first["rows"][2]["errors"]), ["guest_phone"]);
    assert_eq!(first["rows"][1]["reservation_code"], format!("{code}-2"));
    let again = hotel.import(&format!("{header}{}{}", row("Ana", 1, &one), row("Bob", 2, &two)));
    assert_eq!(results(&again), ["unchanged", "updated"]);
});

on_both!(migrate_updates_the_schema_and_refuses_a_newer_one, without_server empty_database() => |world| {
    let behind = world.run(&["migrate", "--check"]);
    assert!(error_line(&behind).contains("migrate"), "{behind:?}");
    for _ in 0..2 {
        assert_eq!(world.run(&["migrate"]).code, Some(0));
        assert_eq!(world.run(&["migrate", "--check"]).code, Some(0));
    }
    world.sql("INSERT INTO __diesel_schema_migrations (version) VALUES ('20991231235959')").unwrap();
    let newer: [&[&str]; 4] = [&["migrate"], &["migrate", "--check"], &["serve"], &["hotel", "list"]];
    for command in newer {
        let done = world.run(command);
        assert!(error_line(&done).contains("newer"), "{command:?}: {done:?}");
    }
});

on_sqlite!(a_port_in_use_is_reported_before_the_database_is_created, without_server empty_database() => |world| {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut program = world.program.clone();
    program.settings.insert("BIND_ADDRESS".into(), address.clone());
    let done = program.run(&["serve"]);
    let error = error_line(&done);
    assert!(error.contains("BIND_ADDRESS") && error.contains(&address), "{error}");
    assert_eq!(world.run(&["migrate", "--check"]).code, Some(1));
});

on_both!(serve_demo_is_refused_in_public_or_beside_real_data, without_server empty_database() => |world| {
    let mut program = world.program.clone();
    program.settings.insert("BIND_ADDRESS".into(), "0.0.0.0:0".into());
    program.settings.insert("PUBLIC_URL".into(), "https://desk.example".into());
    let in_public = program.run(&["serve", "--demo"]);
    assert!(error_line(&in_public).contains("loopback"), "{in_public:?}");
    create_hotel(&world, "A real one");
    let real = world.run(&["serve", "--demo"]);
    assert!(error_line(&real).contains("--demo"), "{real:?}");
    // Generated data in a database with real data does not turn it into a demo.
    let sizes = ["--departments", "1", "--staff", "1", "--stays", "1", "--messages", "1", "--password", PASSWORD];
    world.run(&[&["generate", "--hotels", "1"][..], &sizes].concat()).json();
    error_line(&world.run(&["serve", "--demo"]));
    world.serve();
    let guest = json!({ "phone": "+34600000001", "text": "hello" });
    let anonymous = ApiClient::new(&world);
    anonymous.post("/api/demo/guest_message/", guest).await.problem(404, "not_found");
    anonymous.get("/api/demo/guest_message/").await.problem(404, "not_found");
});

on_both!(serve_demo_prints_the_sign_in_data, WorldOptions::default().hotels(0) => |world| {
    let output = world.server_output().join("\n");
    let password = output.lines().find_map(|line| line.strip_prefix("with the password ")).unwrap();
    let password = password.split(',').next().unwrap();
    let names: Vec<&str> =
        output.lines().filter_map(|line| line.strip_prefix("  ")).map(|line| line.split(' ').next().unwrap()).collect();
    assert!(names.len() > 1, "{output}");
    for name in names {
        sign_in(&world, name, password).await;
    }
    let manager = world.run(&["staff", "list"]).json()["staff"][0]["username"].as_str().unwrap().to_owned();
    let stays = sign_in(&world, &manager, password).await.get("conversations/").await.is(200);
    assert!(stays["count"].as_i64().unwrap() > 0);
    // A second start creates no second hotel.
    world.kill();
    world.serve();
    assert_eq!(world.number("SELECT count(*) FROM hotels"), 1);
    assert!(!world.server_output().join("\n").contains(password));
});

on_both!(generate_creates_the_documented_data, without_server empty_database() => |world| {
    world.run(&["migrate"]);
    let generate = || {
        let sizes = ["--departments", "3", "--staff", "6", "--stays", "8", "--messages", "5", "--password", PASSWORD];
        world.run(&[&["generate", "--hotels", "2"][..], &sizes].concat()).json()
    };
    let (first, second) = (generate(), generate());
    assert_eq!(keys(&first), ["hotels", "password"]);
    assert_eq!(first["password"], PASSWORD);
    let hotels: Vec<&Value> = [&first, &second].into_iter().flat_map(|it| it["hotels"].as_array().unwrap()).collect();
    assert_eq!(hotels.len(), 4);
    let all = |list: &str, field: &str| -> BTreeSet<String> {
        hotels.iter().flat_map(|it| it[list].as_array().unwrap()).map(|it| it[field].to_string()).collect()
    };
    assert_eq!((all("stays", "guest_phone").len(), all("staff", "username").len()), (32, 24));
    hotels.iter().for_each(|it| assert_generated_hotel(it));
    assert_eq!(world.number("SELECT count(*) FROM messages"), 32 * 5);
    assert_eq!(world.number("SELECT count(*) FROM hotels WHERE whatsapp_phone_number_id IS NOT NULL"), 0);
    // Two runs differ only in ids, and in names and numbers that contain them.
    for (one, other) in hotels[..2].iter().zip(&hotels[2..]) {
        assert_eq!(without_ids(one), without_ids(other));
    }
    world.serve();
    let manager = hotels[0]["staff"][0]["username"].as_str().unwrap();
    let list = sign_in(&world, manager, PASSWORD).await.get("conversations/").await.is(200);
    assert_eq!(list["count"], 4);
});

/// Fails unless a generated hotel has 3 departments, 6 staff and 8 stays in the documented distribution.
#[track_caller]
fn assert_generated_hotel(generated: &Value) {
    assert_eq!(keys(generated), ["departments", "id", "staff", "stays"]);
    let (departments, staff, stays) =
        (&generated["departments"], &generated["staff"], generated["stays"].as_array().unwrap());
    assert_eq!(departments[0]["name"], "Reception");
    assert_eq!((ids(departments).len(), ids(staff).len(), stays.len()), (3, 6, 8));
    assert_eq!(keys(&staff[0]), ["department_ids", "id", "role", "username"]);
    assert_eq!((&staff[0]["role"], &staff[0]["department_ids"]), (&json!("manager"), &json!([])));
    for member in &staff.as_array().unwrap()[1..] {
        assert_eq!(member["role"], "staff");
    }
    for department in ids(departments) {
        let is_in_this_one_only = |generated: &Value| generated["department_ids"] == json!([department]);
        assert!(staff.as_array().unwrap().iter().any(is_in_this_one_only), "no member of {department} alone");
        assert!(
            stays.iter().any(|generated| generated["department_id"] == department),
            "nothing is routed to {department}"
        );
    }
    let stay = ["conversation_id", "department_id", "guest_phone", "id", "room_number", "status"];
    assert_eq!(keys(&stays[0]), stay);
    let routed =
        stays.iter().filter(|generated| generated["status"] == "relay" && generated["department_id"].is_i64()).count();
    let unrouted = stays
        .iter()
        .filter(|generated| generated["status"] == "active" && generated["department_id"].is_null())
        .count();
    assert_eq!((routed, unrouted), (4, 4));
}

/// A hotel without the values that depend on its id.
fn without_ids(generated: &Value) -> Value {
    let department_ids = ids(&generated["departments"]);
    let position =
        |id: &Value| id.as_i64().map(|id| department_ids.iter().position(|generated| *generated == id).unwrap());
    let list = |list: &str, one: &dyn Fn(&Value) -> Value| -> Vec<Value> {
        generated[list].as_array().unwrap().iter().map(one).collect()
    };
    let departments = list("departments", &|generated| generated["name"].clone());
    let staff = list("staff", &|generated| {
        let department_ids: Vec<_> = generated["department_ids"].as_array().unwrap().iter().map(position).collect();
        json!([generated["role"], department_ids])
    });
    let stays = list("stays", &|generated| {
        json!([generated["room_number"], generated["status"], position(&generated["department_id"])])
    });
    json!([departments, staff, stays])
}

on_both!(only_serve_and_migrate_create_a_database, without_server empty_database() => |world| {
    let commands: [&[&str]; 9] = [
        &["hotel", "list"],
        &["hotel", "create", "--name", "Grand"],
        &["department", "list", "--hotel", "1"],
        &["staff", "list"],
        &["api-key", "list", "--hotel", "1"],
        &["parked", "list"],
        &["new-epoch"],
        &["import-stays", "stays.csv", "--hotel", "1"],
        &["generate", "--hotels", "1", "--departments", "1", "--staff", "1", "--stays", "1", "--messages", "1", "--password", PASSWORD],
    ];
    for command in commands {
        let done = world.run(command);
        assert!(error_line(&done).contains("message-manager migrate"), "{command:?}: {done:?}");
    }
    // Neither the database nor its folder was created.
    let left: Vec<_> = std::fs::read_dir(world.folder()).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(world.run(&["migrate", "--check"]).code, Some(1));
    assert_eq!(world.run(&["migrate"]).code, Some(0));
    assert_eq!(world.run(&["hotel", "list"]).json(), json!({ "hotels": [] }));
});

on_both!(departments_and_staff_of_a_hotel_are_listed, without_server empty_database() => |world| {
    let (one, other) = (create_hotel(&world, "One"), create_hotel(&world, "Other"));
    let spa = world.run(&["department", "create", "--hotel", &one, "--name", "Spa"]).json()["id"].clone();
    let departments = world.run(&["department", "list", "--hotel", &one]).json();
    assert_eq!(keys(&departments), ["departments"]);
    let names: Vec<&Value> = departments["departments"].as_array().unwrap().iter().map(|it| &it["name"]).collect();
    assert_eq!(names, ["Reception", "Spa"]);
    assert_eq!((&departments["departments"][1]["id"], &departments["departments"][1]["active"]), (&spa, &json!(true)));
    for (hotel, username) in [(&one, "ana"), (&other, "ben")] {
        world.run(&["staff", "create", "--hotel", hotel, "--username", username, "--name", "N", "--role", "staff"]).json();
    }
    let listed = |arguments: &[&str]| -> Vec<String> {
        let staff = world.run(&[&["staff", "list"][..], arguments].concat()).json();
        staff["staff"].as_array().unwrap().iter().map(|it| it["username"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(listed(&[]), ["ana", "ben"]);
    assert_eq!(listed(&["--hotel", &other]), ["ben"]);
    for command in [["department", "list", "--hotel", "999999"], ["staff", "list", "--hotel", "999999"]] {
        error_line(&world.run(&command));
    }
});

on_both!(hotel_set_changes_all_named_settings_or_none, |hotel| {
    let id = hotel.id.to_string();
    let set = |settings: &[&str]| hotel.world.run(&[&["hotel", "set", &id][..], settings].concat());
    let name = unique("Grand");
    let settings = [
        "--name",
        &name,
        "--timezone",
        "Asia/Tokyo",
        "--country",
        "jp",
        "--whatsapp-business-account-id",
        "102290129340398",
    ];
    assert_eq!(set(&settings).json(), json!({ "id": hotel.id }));
    let seen = hotel.of(0).await.get("hotel/").await.is(200);
    assert_eq!(
        (&seen["name"], &seen["timezone"], &seen["country"]),
        (&json!(name), &json!("Asia/Tokyo"), &json!("JP"))
    );
    let listed = || {
        let all = hotel.world.run(&["hotel", "list"]).json();
        all["hotels"].as_array().unwrap().iter().find(|it| it["id"] == hotel.id).unwrap().clone()
    };
    let before = listed();
    assert_eq!(before["whatsapp_business_account_id"], "102290129340398");
    for wrong in [
        &["--name", "Other", "--timezone", "Mars/Olympus"][..],
        &["--name", "Other", "--whatsapp-business-account-id", "not digits"],
        &["--name", "Other", "--whatsapp-phone-number-id", "+34 600 000 001"],
    ] {
        error_line(&set(wrong));
    }
    assert!(!set(&["--name", "a\u{202e}b"]).fails(2).is_empty());
    assert!(!set(&[]).fails(2).is_empty());
    assert_eq!(listed(), before);
});

on_both!(names_and_user_names_of_the_command_line_are_checked, |hotel| {
    let id = hotel.id.to_string();
    let create = |username: &str, name: &str| {
        hotel.world.run(&[
            "staff",
            "create",
            "--hotel",
            &id,
            "--username",
            username,
            "--name",
            name,
            "--role",
            "manager",
        ])
    };
    for (username, name) in
        [("a b", "Ana"), ("", "Ana"), ("ana\u{200b}", "Ana"), ("ana", "A\u{202e}na"), ("ana", "A\nna")]
    {
        assert!(!create(username, name).fails(2).is_empty(), "{username:?} {name:?}");
    }
    let username = unique("Élodie");
    let created = create(&username, "Élodie").json();
    error_line(&create(&username.to_uppercase(), "Other"));
    // Case and form do not matter for commands and sign-ins.
    let shouted = username.to_uppercase();
    assert_eq!(hotel.world.run(&["staff", "set", &shouted, "--role", "staff"]).json()["id"], created["id"]);
    hotel.sign_in(&format!(" {shouted} "), created["password"].as_str().unwrap()).await;
});
