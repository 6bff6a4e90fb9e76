//! The product on a database with made-up data.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    Outcome,
    databases::{Database, Kind},
    load::{Asks, Job, Requests, Seat, Seats, webhook::Webhook},
    processes::{Process, Rounds, product},
    redis::Redis,
};

const PASSWORD: &str = "a long password of the benchmark";
/// Signs the tokens.
const JWT_SECRET: &str = "a secret that only the benchmark uses, and only on loopback";
/// What a server and whoever plays Meta for it know.
pub const WHATSAPP_SECRETS: [(&str, &str); 3] = [
    ("WHATSAPP_APP_SECRET", APP_SECRET),
    ("WHATSAPP_VERIFY_TOKEN", "a-token-of-the-benchmark"),
    ("WHATSAPP_ACCESS_TOKEN", "an-access-token-of-the-benchmark"),
];
/// Signs what the webhook is posted.
pub const APP_SECRET: &str = "an-app-secret-of-the-benchmark";
/// The first hotel's number.
pub const PHONE_NUMBER_ID: &str = "105000000000001";
/// The most sockets that one staff member may have open.
pub const SOCKETS_OF_ONE: usize = 20;

/// How much is made up, of each for each hotel; messages for each conversation.
#[derive(Clone, Copy)]
pub struct Sizes {
    pub hotels: usize,
    pub staff: usize,
    pub stays: usize,
    pub messages: usize,
}

/// What was made up.
#[derive(Deserialize)]
pub struct Hotel {
    pub id: i64,
    pub departments: Vec<Department>,
    pub staff: Vec<Staff>,
    pub stays: Vec<Stay>,
}

#[derive(Deserialize)]
pub struct Department {
    pub id: i64,
}

#[derive(Deserialize)]
pub struct Staff {
    pub id: i64,
    pub username: String,
    pub department_ids: Vec<i64>,
}

#[derive(Deserialize)]
pub struct Stay {
    pub id: i64,
    pub conversation_id: i64,
    pub guest_phone: String,
    pub status: String,
}

impl Hotel {
    /// The stays whose conversations are routed to a department.
    pub fn relayed(&self) -> impl Iterator<Item = &Stay> + Clone {
        self.stays.iter().filter(|it| it.status == "relay")
    }
}

/// A database with made-up data, which nobody uses yet.
pub struct Made {
    pub database: Database,
    pub hotels: Vec<Hotel>,
    folder: PathBuf,
    /// Through which servers on it reach each other, where not through the database.
    pub redis: Option<Redis>,
    /// Where the Cloud API is, where guests are on WhatsApp.
    pub whatsapp: Option<String>,
}

impl Made {
    /// Makes it up.
    pub fn up(kind: Kind, sizes: Sizes, folder: &Path) -> Outcome<Self> {
        #[derive(Deserialize)]
        struct Told {
            hotels: Vec<Hotel>,
        }
        let database = Database::new(kind, folder)?;
        let mut command = command(&database, folder)?;
        command.arg("generate").args(["--departments", "1", "--password", PASSWORD]);
        for (name, size) in
            [("hotels", sizes.hotels), ("staff", sizes.staff), ("stays", sizes.stays), ("messages", sizes.messages)]
        {
            command.arg(format!("--{name}={size}"));
        }
        let output = command.stderr(Stdio::inherit()).output()?;
        if !output.status.success() {
            return Err("generate failed".into());
        }
        let told: Told = serde_json::from_slice(&output.stdout)?;
        database.settle()?;
        Ok(Self { database, hotels: told.hotels, folder: folder.to_owned(), redis: None, whatsapp: None })
    }

    /// With a Redis of its own, for servers to reach each other through.
    pub fn with_redis(self) -> Outcome<Self> {
        Ok(Self { redis: Some(Redis::start(&self.folder)?), ..self })
    }

    /// With guests on WhatsApp, whose API is there, at the first hotel.
    pub fn with_whatsapp(self, api_url: &str) -> Outcome<Self> {
        let hotel = self.hotels[0].id.to_string();
        let set = ["hotel", "set", &hotel, "--whatsapp-phone-number-id", PHONE_NUMBER_ID];
        if !command(&self.database, &self.folder)?.args(set).output()?.status.success() {
            return Err("the hotel got no number".into());
        }
        Ok(Self { whatsapp: Some(api_url.to_owned()), ..self })
    }

    /// Starts the product on it.
    pub fn serve(self) -> Outcome<Site> {
        let (server, address) = self.start()?;
        Ok(Site { server, address, second: None, made: self })
    }

    /// Starts two nodes of the product on it.
    pub fn serve_twice(self) -> Outcome<Site> {
        let second = Some(self.start()?);
        Ok(Site { second, ..self.serve()? })
    }

    /// A server, and where it listens.
    fn start(&self) -> Outcome<(Process, String)> {
        let mut command = command(&self.database, &self.folder)?;
        command.arg("serve").envs(self.redis.iter().map(|redis| ("REDIS_URL", redis.url())));
        if let Some(api_url) = &self.whatsapp {
            command.env("WHATSAPP_API_URL", api_url).envs(WHATSAPP_SECRETS);
        }
        let mut server = Process::start(&mut command, &self.folder.join("product.log"))?;
        let address = server.listening()?;
        Ok((server, address))
    }
}

fn command(database: &Database, folder: &Path) -> Outcome<Command> {
    let mut command = Command::new(product()?);
    command.env_clear().current_dir(folder);
    for (name, value) in [
        ("DATABASE_URL", database.url.as_str()),
        ("BIND_ADDRESS", "127.0.0.1:0"),
        ("JWT_SECRET", JWT_SECRET),
        ("WHATSAPP_APP_SECRET", APP_SECRET),
    ] {
        command.env(name, value);
    }
    Ok(command)
}

/// The product at work.
pub struct Site {
    pub server: Process,
    /// `127.0.0.1:PORT`.
    pub address: String,
    /// Another node, and where it listens.
    pub second: Option<(Process, String)>,
    pub made: Made,
}

impl Site {
    /// Makes data up, and serves it.
    pub fn new(kind: Kind, sizes: Sizes, folder: &Path) -> Outcome<Self> {
        Made::up(kind, sizes, folder)?.serve()
    }

    /// The same data served by a new process: its memory has seen nothing yet.
    pub fn restart(self) -> Outcome<Self> {
        drop((self.server, self.second));
        self.made.serve()
    }

    /// Signs in staff members of a department, one after another, hotel by hotel.
    pub fn tokens(&self, of_each_hotel: usize) -> Outcome<Vec<String>> {
        let members = self.made.hotels.iter().flat_map(|hotel| {
            let members = hotel.staff.iter().filter(|it| !it.department_ids.is_empty());
            members.take(of_each_hotel)
        });
        members.map(|it| self.log_in(&it.username)).collect()
    }

    fn log_in(&self, username: &str) -> Outcome<String> {
        let body = json!({ "username": username, "password": PASSWORD }).to_string();
        let request = format!(
            "POST /api/auth/login/ HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        let answer = ask(&self.address, &request)?;
        Ok(answer["access"].as_str().ok_or_else(|| format!("no sign-in: {answer}"))?.to_owned())
    }

    /// The figures of `/metrics`, without those that say how long requests took.
    pub fn metrics(&self) -> Outcome<BTreeMap<String, f64>> {
        let text = body(&self.address, &format!("GET /metrics HTTP/1.1\r\nHost: {}\r\n\r\n", self.address))?;
        let text = String::from_utf8(text)?;
        let lines = text.lines().filter(|line| !line.starts_with('#') && !line.contains("duration"));
        let figures = lines.filter_map(|line| line.rsplit_once(' '));
        figures.map(|(name, value)| Ok((name.to_owned(), value.parse()?))).collect()
    }

    /// A load client with these sockets; where there are two nodes, half of them at each.
    pub fn seats(&self, tokens: Vec<String>, seats: Vec<Seat>) -> Outcome<Rounds> {
        let senders = seats.len();
        self.spread(self.addresses(), tokens, seats, senders)
    }

    /// The same at any of the nodes, and only the first ones send.
    pub fn spread(
        &self,
        addresses: Vec<String>,
        tokens: Vec<String>,
        seats: Vec<Seat>,
        senders: usize,
    ) -> Outcome<Rounds> {
        let job = Job::Seats(Seats { addresses, tokens, seats, senders });
        Rounds::start("load", &job, &self.made.folder.join("load.log"))
    }

    /// Where its nodes listen.
    pub fn addresses(&self) -> Vec<String> {
        let second = self.second.iter().map(|it| it.1.clone());
        std::iter::once(self.address.clone()).chain(second).collect()
    }

    /// The processor time that its nodes have taken.
    pub fn busy(&self) -> Outcome<Duration> {
        let second = self.second.as_ref().map_or(Ok(Duration::ZERO), |it| it.0.busy())?;
        Ok(self.server.busy()? + second)
    }

    /// A load client with these requests, all to be answered by this status.
    pub fn requests(&self, connections: usize, requests: Vec<String>, status: u16) -> Outcome<Rounds> {
        requesting(&self.address, connections, requests, status, &self.made.folder)
    }

    /// A load client that plays guests on WhatsApp: so many POSTs at once, each of so many messages.
    pub fn guests(&self, connections: usize, each: usize) -> Outcome<Rounds> {
        let webhook = Webhook {
            address: self.address.clone(),
            secret: APP_SECRET.to_owned(),
            phone_number_id: PHONE_NUMBER_ID.to_owned(),
            guests: self.made.hotels[0].relayed().map(|it| it.guest_phone.trim_start_matches('+').to_owned()).collect(),
            each,
        };
        let job = Requests { address: self.address.clone(), connections, asks: Asks::Guests(webhook), status: 200 };
        Rounds::start("load", &Job::Requests(job), &self.made.folder.join("load.log"))
    }
}

/// A load client with sockets to any server.
pub fn seated(address: &str, tokens: Vec<String>, seats: Vec<Seat>, folder: &Path) -> Outcome<Rounds> {
    let senders = seats.len();
    let job = Job::Seats(Seats { addresses: vec![address.to_owned()], tokens, seats, senders });
    Rounds::start("load", &job, &folder.join("load.log"))
}

/// A load client with requests to any server.
pub fn requesting(
    address: &str,
    connections: usize,
    requests: Vec<String>,
    status: u16,
    folder: &Path,
) -> Outcome<Rounds> {
    let asks = Asks::These(requests);
    let job = Job::Requests(Requests { address: address.to_owned(), connections, asks, status });
    Rounds::start("load", &job, &folder.join("load.log"))
}

/// A request for a page.
pub fn get(address: &str, token: &str, path: &str) -> String {
    format!(
        "GET /api/message_manager/{path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\
         Accept: application/json\r\n\r\n"
    )
}

/// Asks once on a connection of its own; the JSON.
pub fn ask(address: &str, request: &str) -> Outcome<Value> {
    Ok(serde_json::from_slice(&body(address, request)?)?)
}

/// The same, whatever the answer's body is.
fn body(address: &str, request: &str) -> Outcome<Vec<u8>> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(request.replacen("\r\n", "\r\nConnection: close\r\n", 1).as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let body = answer.windows(4).position(|it| it == b"\r\n\r\n").ok_or("no HTTP")? + 4;
    Ok(answer.split_off(body))
}
