//! Commands about staff members.

use std::io::{BufRead, Read};

use auth::Password;
use clap::{Args, Subcommand, ValueEnum};
use desk::{Desk, NewMember};
use domain::{DepartmentId, HotelId, Name, Role, Staff, StaffId};
use serde_json::{Value, json};

use super::{Failure, department_id, hotel_id, name};

/// More than any password may have.
const MOST_BYTES: u64 = 4096;

/// Commands about staff members.
#[derive(Subcommand)]
pub enum StaffCommand {
    /// Make a staff member
    Create(Create),
    /// List the staff of all hotels
    List,
    /// Give a staff member other departments, or another role
    #[command(group = clap::ArgGroup::new("change").required(true).multiple(true))]
    Set {
        /// The name they sign in with
        username: String,
        /// A department's id; several times for several, the first one first
        #[arg(long = "department", value_parser = department_id, group = "change")]
        departments: Vec<DepartmentId>,
        /// What they may do
        #[arg(long, group = "change")]
        role: Option<RoleWord>,
    },
    /// Give a staff member another password, and end all their sessions
    Passwd {
        /// The name they sign in with
        username: String,
        /// Read the password from standard input, instead of making one
        #[arg(long)]
        password_stdin: bool,
    },
    /// Shut a staff member out, and end all their sessions
    Deactivate {
        /// The name they sign in with
        username: String,
    },
}

/// A staff member to be.
#[derive(Args)]
pub struct Create {
    /// The hotel's id
    #[arg(long, value_parser = hotel_id)]
    hotel: HotelId,
    /// The name to sign in with, unique over all hotels
    #[arg(long, value_parser = name)]
    username: Name,
    /// The name that others see
    #[arg(long, value_parser = name)]
    name: Name,
    /// What they may do
    #[arg(long)]
    role: RoleWord,
    /// A department's id; several times for several, the first one first
    #[arg(long = "department", value_parser = department_id)]
    departments: Vec<DepartmentId>,
    /// Read the password from standard input, instead of making one
    #[arg(long)]
    password_stdin: bool,
}

/// What a staff member may do.
#[derive(Clone, Copy, ValueEnum)]
pub enum RoleWord {
    /// Sees their departments' conversations, and the unrouted ones
    Staff,
    /// Sees all of the hotel, and administers it
    Manager,
}

impl From<RoleWord> for Role {
    fn from(word: RoleWord) -> Self {
        match word {
            RoleWord::Staff => Self::Staff,
            RoleWord::Manager => Self::Manager,
        }
    }
}

impl StaffCommand {
    /// Does it; what is to be printed.
    ///
    /// # Errors
    /// A [`Failure`].
    pub async fn run(self, desk: &Desk) -> Result<Value, Failure> {
        match self {
            Self::Create(it) => it.run(desk).await,
            Self::List => Ok(json!({ "staff": desk.all_staff().await?.iter().map(shown).collect::<Vec<_>>() })),
            Self::Set { username, departments, role } => {
                let departments = (!departments.is_empty()).then_some(departments);
                let id = desk.set_staff(&username, departments, role.map(Role::from)).await?;
                Ok(answer(id, &username, None))
            }
            Self::Passwd { username, password_stdin } => {
                let (password, made) = password(password_stdin)?;
                let id = desk.set_password(&username, password).await?;
                Ok(answer(id, &username, made))
            }
            Self::Deactivate { username } => Ok(answer(desk.deactivate(&username).await?, &username, None)),
        }
    }
}

impl Create {
    async fn run(self, desk: &Desk) -> Result<Value, Failure> {
        let (password, made) = password(self.password_stdin)?;
        let username = self.username.as_str().to_owned();
        let new = NewMember {
            username: self.username,
            name: self.name,
            role: self.role.into(),
            departments: self.departments,
            password,
            active: true,
        };
        let id = desk.add_staff(self.hotel, new).await?;
        Ok(answer(id, &username, made))
    }
}

/// A password: the first line of standard input, or one that is made, which is then to be shown.
fn password(from_input: bool) -> Result<(Password, Option<String>), Failure> {
    if !from_input {
        let made = Password::generate();
        let shown = made.as_str().to_owned();
        return Ok((made, Some(shown)));
    }
    let mut line = String::new();
    std::io::stdin().lock().take(MOST_BYTES).read_line(&mut line)?;
    let line = line.strip_suffix('\n').unwrap_or(&line);
    Ok((Password::parse(line.strip_suffix('\r').unwrap_or(line))?, None))
}

fn answer(id: StaffId, username: &str, password: Option<String>) -> Value {
    let mut answer = json!({ "id": id.0, "username": username });
    if let Some(password) = password {
        answer["password"] = password.into();
    }
    answer
}

fn shown(staff: &Staff) -> Value {
    json!({
        "id": staff.id.0,
        "hotel_id": staff.hotel.0,
        "username": staff.username,
        "name": staff.name,
        "role": staff.role.as_str(),
        "department_ids": staff.departments.iter().map(|it| it.0).collect::<Vec<_>>(),
        "active": staff.active,
    })
}
