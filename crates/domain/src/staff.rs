//! Staff members, and what each of them may see.

use crate::{DepartmentId, HotelId, StaffId};

/// What a staff member may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Sees what is routed to their departments, and what is routed to none.
    Staff,
    /// Sees every conversation of the hotel, and administers it.
    Manager,
}

impl Role {
    /// The word for it in the database and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Staff => "staff",
            Self::Manager => "manager",
        }
    }
}

impl std::str::FromStr for Role {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        match word {
            "staff" => Ok(Self::Staff),
            "manager" => Ok(Self::Manager),
            _ => Err(()),
        }
    }
}

/// A member of a hotel's staff.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Staff {
    /// Their id.
    pub id: StaffId,
    /// Their hotel; it never changes.
    pub hotel: HotelId,
    /// The name they sign in with, unique over all hotels.
    pub username: String,
    /// The name that guests and colleagues see.
    pub name: String,
    /// Their role.
    pub role: Role,
    /// Their departments, the first one first: to it goes what they take over.
    pub departments: Vec<DepartmentId>,
    /// Whether they may sign in.
    pub active: bool,
}

impl Staff {
    /// What they may see.
    pub fn reach(&self) -> Reach {
        Reach { staff: self.id, hotel: self.hotel, role: self.role, departments: self.departments.clone() }
    }
}

/// What a staff member may see. Every path to a conversation asks it.
///
/// A conversation's place is the department it is routed to, or none: all of the hotel see an
/// unrouted one, only the department's members and the managers a routed one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    /// Whose it is.
    pub staff: StaffId,
    /// The hotel it ends at.
    pub hotel: HotelId,
    /// A manager's covers the whole hotel.
    pub role: Role,
    /// The departments it covers, the staff member's first one first.
    pub departments: Vec<DepartmentId>,
}

impl Reach {
    /// Whether a conversation of this hotel, routed there, may be seen.
    pub fn covers(&self, hotel: HotelId, department: Option<DepartmentId>) -> bool {
        hotel == self.hotel && department.is_none_or(|department| self.is_manager() || self.is_member(department))
    }

    /// Whether it is a manager's.
    pub fn is_manager(&self) -> bool {
        self.role == Role::Manager
    }

    /// Whether its owner belongs to that department.
    pub fn is_member(&self, department: DepartmentId) -> bool {
        self.departments.contains(&department)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(role: Role, departments: &[i64]) -> Reach {
        let departments = departments.iter().copied().map(DepartmentId).collect();
        Reach { staff: StaffId(1), hotel: HotelId(1), role, departments }
    }

    #[test]
    fn staff_see_their_departments_and_the_unrouted() {
        let reach = reach(Role::Staff, &[1, 2]);
        assert!(reach.covers(HotelId(1), None));
        assert!(reach.covers(HotelId(1), Some(DepartmentId(2))));
        assert!(!reach.covers(HotelId(1), Some(DepartmentId(3))));
    }

    #[test]
    fn managers_see_their_whole_hotel() {
        assert!(reach(Role::Manager, &[]).covers(HotelId(1), Some(DepartmentId(3))));
    }

    #[test]
    fn nobody_sees_another_hotel() {
        for role in [Role::Staff, Role::Manager] {
            assert!(!reach(role, &[1]).covers(HotelId(2), None));
            assert!(!reach(role, &[1]).covers(HotelId(2), Some(DepartmentId(1))));
        }
    }
}
