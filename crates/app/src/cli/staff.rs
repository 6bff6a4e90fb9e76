//! `staff`: create, list and change staff members.

use std::io::{BufRead, Read};

use auth::Password;
use clap::{Args, Subcommand, ValueEnum};
use desk::{Desk, staff::NewStaffMember};
use domain::{DepartmentId, HotelId, Name, Role, Staff, StaffId, Username};
use serde_json::{Value, json};

use super::values::{department_id, hotel_id, name, username};
use crate::error::CliError;

/// The number of bytes that are read from standard input for a password; passwords are shorter.
const MAX_PASSWORD_BYTES: u64 = 4096;

#[derive(Subcommand)]
pub enum StaffCommand {
    /// Create a staff member
    Create(CreateStaff),
    /// List the staff of all hotels, or of one
    List {
        /// Only the staff of the hotel with this id
        #[arg(long, value_parser = hotel_id)]
        hotel: Option<HotelId>,
    },
    /// Change the departments or the role of a staff member
    #[command(group = clap::ArgGroup::new("change").required(true).multiple(true))]
    Set {
        /// The user name
        username: String,
        /// A department's id; repeat it for several, the first department first
        #[arg(long = "department", value_parser = department_id, group = "change")]
        departments: Vec<DepartmentId>,
        /// The new role
        #[arg(long, group = "change")]
        role: Option<RoleArgument>,
    },
    /// Set a new password for a staff member and end all their sessions
    Passwd {
        /// The user name
        username: String,
        /// Read the password from standard input instead of generating one
        #[arg(long)]
        password_stdin: bool,
        /// Let the person keep this password: without it, another one must be chosen at the next sign-in
        #[arg(long)]
        permanent: bool,
    },
    /// Activate a staff member again
    Activate {
        /// The user name
        username: String,
    },
    /// Deactivate a staff member and end all their sessions
    Deactivate {
        /// The user name
        username: String,
    },
}

#[derive(Args)]
pub struct CreateStaff {
    /// The hotel's id
    #[arg(long, value_parser = hotel_id)]
    hotel: HotelId,
    /// The user name, unique over all hotels
    #[arg(long, value_parser = username)]
    username: Username,
    /// The displayed name
    #[arg(long, value_parser = name)]
    name: Name,
    /// The role
    #[arg(long)]
    role: RoleArgument,
    /// A department's id; repeat it for several, the first department first
    #[arg(long = "department", value_parser = department_id)]
    departments: Vec<DepartmentId>,
    /// Read the password from standard input instead of generating one
    #[arg(long)]
    password_stdin: bool,
    /// Let the person keep this password: without it, another one must be chosen at the first sign-in
    #[arg(long)]
    permanent: bool,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum RoleArgument {
    /// Sees conversations of their departments, and unrouted ones
    Staff,
    /// Sees all conversations of the hotel, and administers it
    Manager,
}

impl From<RoleArgument> for Role {
    fn from(role: RoleArgument) -> Self {
        match role {
            RoleArgument::Staff => Self::Staff,
            RoleArgument::Manager => Self::Manager,
        }
    }
}

impl StaffCommand {
    pub async fn run(self, desk: &Desk) -> Result<Value, CliError> {
        match self {
            Self::Create(command) => command.run(desk).await,
            Self::List { hotel } => {
                Ok(json!({ "staff": desk.list_all_staff(hotel).await?.iter().map(staff_json).collect::<Vec<_>>() }))
            }
            Self::Set { username, departments, role } => {
                let departments = (!departments.is_empty()).then_some(departments);
                let id = desk.set_staff(&username, departments, role.map(Role::from)).await?;
                Ok(result_json(id, &username, None))
            }
            Self::Passwd { username, password_stdin, permanent } => {
                let (password, generated) = choose_password(password_stdin)?;
                let member = desk.set_password(&username, password, !permanent).await?;
                let mut result = result_json(member.id, &username, generated);
                if !member.active {
                    result["active"] = false.into();
                    result["note"] = format!(
                        "This person is inactive and cannot sign in: run `message-manager staff activate {username}`."
                    )
                    .into();
                }
                Ok(result)
            }
            Self::Activate { username } => Ok(result_json(desk.set_active(&username, true).await?, &username, None)),
            Self::Deactivate { username } => Ok(result_json(desk.set_active(&username, false).await?, &username, None)),
        }
    }
}

impl CreateStaff {
    async fn run(self, desk: &Desk) -> Result<Value, CliError> {
        let (password, generated) = choose_password(self.password_stdin)?;
        let username = self.username.as_str().to_owned();
        let new = NewStaffMember {
            username: self.username,
            name: self.name,
            role: self.role.into(),
            departments: self.departments,
            password,
            must_change_password: !self.permanent,
            active: true,
        };
        let id = desk.create_staff_of(self.hotel, new).await?;
        Ok(result_json(id, &username, generated))
    }
}

/// Returns a staff member's new password: the first line of standard input, or a generated password together with its
/// text, which is printed.
fn choose_password(from_input: bool) -> Result<(Password, Option<String>), CliError> {
    if !from_input {
        let generated = Password::generate();
        let shown = generated.as_str().to_owned();
        return Ok((generated, Some(shown)));
    }
    let mut line = String::new();
    std::io::stdin().lock().take(MAX_PASSWORD_BYTES).read_line(&mut line)?;
    let line = line.strip_suffix('\n').unwrap_or(&line);
    Ok((Password::parse(line.strip_suffix('\r').unwrap_or(line))?, None))
}

fn result_json(id: StaffId, username: &str, password: Option<String>) -> Value {
    let mut result = json!({ "id": id.0, "username": username });
    if let Some(password) = password {
        result["password"] = password.into();
    }
    result
}

fn staff_json(staff: &Staff) -> Value {
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
