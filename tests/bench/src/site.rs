//! A site: the product running on a generated database.

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
    BenchResult,
    databases::{BenchDatabase, BenchDatabaseKind},
    load::{HttpLoad, LoadJob, LoadSocket, RequestSource, SocketLoad, webhook::WebhookLoad},
    processes::{ChildProcess, RoundProcess, product_path},
    redis::BenchRedis,
};

/// The password of all staff members.
pub const PASSWORD: &str = "a long password of the benchmark";
/// Signs the access tokens.
const JWT_SECRET: &str = "a secret that only the benchmark uses, and only on loopback";
/// The WhatsApp settings of server and simulator.
pub const WHATSAPP_SECRETS: [(&str, &str); 3] = [
    ("WHATSAPP_APP_SECRET", APP_SECRET),
    ("WHATSAPP_VERIFY_TOKEN", "a-token-of-the-benchmark"),
    ("WHATSAPP_ACCESS_TOKEN", "an-access-token-of-the-benchmark"),
];
/// Signs webhook bodies.
pub const APP_SECRET: &str = "an-app-secret-of-the-benchmark";
/// The phone number id of the first hotel.
pub const PHONE_NUMBER_ID: &str = "105000000000001";
/// The connection quota of a staff member.
pub const MAX_SOCKETS_PER_STAFF: usize = 20;

/// Staff members and stays for each hotel, messages for each conversation.
#[derive(Clone, Copy)]
pub struct SiteSizes {
    pub hotels: usize,
    pub staff: usize,
    pub stays: usize,
    pub messages: usize,
}

/// A generated hotel.
#[derive(Deserialize)]
pub struct BenchHotel {
    pub id: i64,
    pub departments: Vec<BenchDepartment>,
    pub staff: Vec<BenchStaff>,
    pub stays: Vec<BenchStay>,
}

#[derive(Deserialize)]
pub struct BenchDepartment {
    pub id: i64,
}

#[derive(Deserialize)]
pub struct BenchStaff {
    pub id: i64,
    pub username: String,
    pub department_ids: Vec<i64>,
}

#[derive(Deserialize)]
pub struct BenchStay {
    pub id: i64,
    pub conversation_id: i64,
    pub guest_phone: String,
    pub status: String,
}

impl BenchHotel {
    /// The stays whose conversations are in relay.
    pub fn stays_in_relay(&self) -> impl Iterator<Item = &BenchStay> + Clone {
        self.stays.iter().filter(|it| it.status == "relay")
    }
}

/// A generated database without a server.
pub struct GeneratedSite {
    pub database: BenchDatabase,
    pub hotels: Vec<BenchHotel>,
    folder: PathBuf,
    /// The cluster bus, unless it is the database.
    pub redis: Option<BenchRedis>,
    /// The URL of the Cloud API.
    pub whatsapp: Option<String>,
}

impl GeneratedSite {
    pub fn generate(kind: BenchDatabaseKind, sizes: SiteSizes, folder: &Path) -> BenchResult<Self> {
        #[derive(Deserialize)]
        struct GenerateOutput {
            hotels: Vec<BenchHotel>,
        }
        let database = BenchDatabase::new(kind, folder)?;
        if !command(&database, folder)?.arg("migrate").output()?.status.success() {
            return Err("migrate failed".into());
        }
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
        let generated: GenerateOutput = serde_json::from_slice(&output.stdout)?;
        database.settle()?;
        Ok(Self { database, hotels: generated.hotels, folder: folder.to_owned(), redis: None, whatsapp: None })
    }

    /// Adds a Redis as the cluster bus.
    pub fn with_redis(self) -> BenchResult<Self> {
        Ok(Self { redis: Some(BenchRedis::start(&self.folder)?), ..self })
    }

    /// Gives the first hotel a WhatsApp number; `api_url` is that of the Cloud API.
    pub fn with_whatsapp(self, api_url: &str) -> BenchResult<Self> {
        let hotel = self.hotels[0].id.to_string();
        let set = ["hotel", "set", &hotel, "--whatsapp-phone-number-id", PHONE_NUMBER_ID];
        if !command(&self.database, &self.folder)?.args(set).output()?.status.success() {
            return Err("setting the hotel's number failed".into());
        }
        Ok(Self { whatsapp: Some(api_url.to_owned()), ..self })
    }

    /// Starts a node.
    pub fn serve(self) -> BenchResult<Site> {
        let (server, address) = self.start()?;
        Ok(Site { server, address, second: None, generated: self })
    }

    /// Starts two nodes.
    pub fn serve_twice(self) -> BenchResult<Site> {
        let second = Some(self.start()?);
        Ok(Site { second, ..self.serve()? })
    }

    /// Starts a process. Returns it with its address.
    fn start(&self) -> BenchResult<(ChildProcess, String)> {
        let mut command = command(&self.database, &self.folder)?;
        command.arg("serve").envs(self.redis.iter().map(|redis| ("REDIS_URL", redis.url())));
        if let Some(api_url) = &self.whatsapp {
            command.env("WHATSAPP_API_URL", api_url).envs(WHATSAPP_SECRETS);
        }
        let mut server = ChildProcess::start(&mut command, &self.folder.join("product.log"))?;
        let address = server.wait_until_listening()?;
        Ok((server, address))
    }
}

fn command(database: &BenchDatabase, folder: &Path) -> BenchResult<Command> {
    let mut command = Command::new(product_path()?);
    command.env_clear().current_dir(folder);
    for (name, value) in [
        ("DATABASE_URL", database.url.as_str()),
        ("BIND_ADDRESS", "127.0.0.1:0"),
        ("JWT_SECRET", JWT_SECRET),
        ("WHATSAPP_APP_SECRET", APP_SECRET),
        // The load clients play clients of other addresses.
        ("TRUSTED_PROXIES", "127.0.0.1"),
    ] {
        command.env(name, value);
    }
    Ok(command)
}

/// The product with one or two nodes. A drop ends them and removes the database.
pub struct Site {
    pub server: ChildProcess,
    /// `127.0.0.1:PORT`.
    pub address: String,
    /// The second node and its address.
    pub second: Option<(ChildProcess, String)>,
    pub generated: GeneratedSite,
}

impl Site {
    /// Generates a database and starts a node.
    pub fn new(kind: BenchDatabaseKind, sizes: SiteSizes, folder: &Path) -> BenchResult<Self> {
        GeneratedSite::generate(kind, sizes, folder)?.serve()
    }

    /// Starts a new process on the same database, with empty memory.
    pub fn restart(self) -> BenchResult<Self> {
        drop((self.server, self.second));
        self.generated.serve()
    }

    /// Signs in the first staff members of departments of each hotel. Returns their access tokens.
    pub fn tokens(&self, of_each_hotel: usize) -> BenchResult<Vec<String>> {
        let members = self.generated.hotels.iter().flat_map(|hotel| {
            let members = hotel.staff.iter().filter(|it| !it.department_ids.is_empty());
            members.take(of_each_hotel)
        });
        members.map(|it| self.log_in(&it.username)).collect()
    }

    /// Signs in the manager of the first hotel. Returns the access token.
    pub fn manager_token(&self) -> BenchResult<String> {
        let manager = self.generated.hotels[0].staff.first().ok_or("the hotel has no staff")?;
        self.log_in(&manager.username)
    }

    fn log_in(&self, username: &str) -> BenchResult<String> {
        let body = json!({ "username": username, "password": PASSWORD }).to_string();
        let request = format!(
            "POST /api/auth/login/ HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        let login = fetch_json(&self.address, &request)?;
        Ok(login["access"].as_str().ok_or_else(|| format!("no sign-in: {login}"))?.to_owned())
    }

    /// The values of `/metrics` without the request durations.
    pub fn metrics(&self) -> BenchResult<BTreeMap<String, f64>> {
        let text = fetch_body(&self.address, &format!("GET /metrics HTTP/1.1\r\nHost: {}\r\n\r\n", self.address))?;
        let text = String::from_utf8(text)?;
        let lines = text.lines().filter(|line| !line.starts_with('#') && !line.contains("duration"));
        let figures = lines.filter_map(|line| line.rsplit_once(' '));
        figures.map(|(name, value)| Ok((name.to_owned(), value.parse()?))).collect()
    }

    /// Starts a load client with these sockets. With two nodes, each gets one half.
    pub fn sockets(&self, tokens: Vec<String>, sockets: Vec<LoadSocket>) -> BenchResult<RoundProcess> {
        let senders = sockets.len();
        self.spread(self.addresses(), tokens, sockets, senders)
    }

    /// Starts a load client with sockets to these addresses, of which the first ones send.
    pub fn spread(
        &self,
        addresses: Vec<String>,
        tokens: Vec<String>,
        sockets: Vec<LoadSocket>,
        senders: usize,
    ) -> BenchResult<RoundProcess> {
        let job = LoadJob::SocketLoad(SocketLoad { addresses, tokens, sockets, senders });
        RoundProcess::start("load", &job, &self.generated.folder.join("load.log"))
    }

    /// The addresses of the nodes.
    pub fn addresses(&self) -> Vec<String> {
        let second = self.second.iter().map(|it| it.1.clone());
        std::iter::once(self.address.clone()).chain(second).collect()
    }

    /// The processor time of all nodes.
    pub fn cpu_time(&self) -> BenchResult<Duration> {
        let second = self.second.as_ref().map_or(Ok(Duration::ZERO), |it| it.0.cpu_time())?;
        Ok(self.server.cpu_time()? + second)
    }

    /// Starts a load client with these requests. Every response must have this status.
    pub fn requests(&self, connections: usize, requests: Vec<String>, status: u16) -> BenchResult<RoundProcess> {
        connect_requests(&self.address, connections, requests, status, &self.generated.folder)
    }

    /// Starts a load client that posts messages of guests to the webhook.
    pub fn guests(&self, connections: usize, messages_per_body: usize) -> BenchResult<RoundProcess> {
        let webhook = WebhookLoad {
            address: self.address.clone(),
            secret: APP_SECRET.to_owned(),
            phone_number_id: PHONE_NUMBER_ID.to_owned(),
            guests: self.generated.hotels[0]
                .stays_in_relay()
                .map(|it| it.guest_phone.trim_start_matches('+').to_owned())
                .collect(),
            messages_per_body,
        };
        let job = HttpLoad {
            address: self.address.clone(),
            connections,
            source: RequestSource::Guests(webhook),
            status: 200,
        };
        RoundProcess::start("load", &LoadJob::HttpLoad(job), &self.generated.folder.join("load.log"))
    }
}

/// Starts a load client with sockets to any server.
pub fn connect_sockets(
    address: &str,
    tokens: Vec<String>,
    sockets: Vec<LoadSocket>,
    folder: &Path,
) -> BenchResult<RoundProcess> {
    let senders = sockets.len();
    let job = LoadJob::SocketLoad(SocketLoad { addresses: vec![address.to_owned()], tokens, sockets, senders });
    RoundProcess::start("load", &job, &folder.join("load.log"))
}

/// Starts a load client with requests to any server.
pub fn connect_requests(
    address: &str,
    connections: usize,
    requests: Vec<String>,
    status: u16,
    folder: &Path,
) -> BenchResult<RoundProcess> {
    let source = RequestSource::Fixed(requests);
    let job = LoadJob::HttpLoad(HttpLoad { address: address.to_owned(), connections, source, status });
    RoundProcess::start("load", &job, &folder.join("load.log"))
}

/// A GET request.
pub fn get(address: &str, token: &str, path: &str) -> String {
    format!(
        "GET /api/message_manager/{path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\
         Accept: application/json\r\n\r\n"
    )
}

/// Sends a request on a connection of its own. Returns the JSON of the response.
pub fn fetch_json(address: &str, request: &str) -> BenchResult<Value> {
    Ok(serde_json::from_slice(&fetch_body(address, request)?)?)
}

/// Sends a request on a connection of its own. Returns the body of the response.
fn fetch_body(address: &str, request: &str) -> BenchResult<Vec<u8>> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(request.replacen("\r\n", "\r\nConnection: close\r\n", 1).as_bytes())?;
    let mut response = Vec::new();
    stream.read_to_end(&mut response)?;
    let body = response.windows(4).position(|it| it == b"\r\n\r\n").ok_or("no HTTP")? + 4;
    Ok(response.split_off(body))
}
