//! Choices that the guest flow offers to a guest: list rows and their ids.

use crate::ids::DepartmentId;

/// An option that the flow offers to a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// The guest wants to talk to a department.
    Department(DepartmentId),
    /// The guest wants to talk to a person in the default department.
    Person,
    Yes,
    No,
    /// The guest wants to change the arrival time.
    ChangeArrival,
    ChangeWishes,
    /// The guest wants to see the next page of the menu.
    More,
}

impl Choice {
    /// Id of the choice's list row, which WhatsApp returns if the guest selects it.
    pub(super) fn id(self) -> String {
        match self {
            Self::Department(id) => format!("department:{id}"),
            Self::Person => "person".into(),
            Self::Yes => "yes".into(),
            Self::No => "no".into(),
            Self::ChangeArrival => "change_arrival".into(),
            Self::ChangeWishes => "change_wishes".into(),
            Self::More => "more".into(),
        }
    }

    pub(super) fn from_id(id: &str) -> Option<Self> {
        if let Some(department) = id.strip_prefix("department:") {
            return department.parse().ok().map(|id| Self::Department(DepartmentId(id)));
        }
        let others = [Self::Person, Self::Yes, Self::No, Self::ChangeArrival, Self::ChangeWishes, Self::More];
        others.into_iter().find(|it| it.id() == id)
    }
}
