//! Staff members and their visibility scope.

use strum::{IntoStaticStr, VariantArray, VariantNames};

use crate::ids::{DepartmentId, HotelId, StaffId};

/// Role of a staff member: decides permissions and visibility.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, IntoStaticStr, VariantArray, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum Role {
    /// The staff member sees unrouted conversations and those routed to the own departments.
    Staff,
    /// The manager sees every conversation of the hotel and administers the hotel.
    Manager,
}

named_values!(Role);

/// An employee of a hotel with a sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Staff {
    /// Id of the staff member, unique over all hotels.
    pub id: StaffId,
    /// The hotel that employs the staff member; never changes.
    pub hotel: HotelId,
    /// User name for the sign-in, unique over all hotels.
    pub username: String,
    /// Display name of the staff member, for guests and colleagues.
    pub name: String,
    /// Role, which decides the permissions of the staff member.
    pub role: Role,
    /// Departments of the staff member. Conversations that the staff member takes over are routed to the first one.
    pub departments: Vec<DepartmentId>,
    /// Whether the staff member may sign in.
    pub active: bool,
}

impl Staff {
    /// The visibility scope of the staff member.
    pub fn reach(&self) -> Reach {
        Reach { staff: self.id, hotel: self.hotel, role: self.role, departments: self.departments.clone() }
    }
}

/// Visibility scope of a staff member: the conversations that the staff member may see. Every read, write and delivery
/// checks it.
///
/// Unrouted conversations are visible to the whole hotel, routed ones to the department's members and to managers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Reach {
    /// The staff member to whom the visibility scope belongs.
    pub staff: StaffId,
    /// The only hotel whose conversations the visibility scope covers.
    pub hotel: HotelId,
    /// Role of the staff member. The visibility scope of a manager covers all departments.
    pub role: Role,
    /// Departments of the staff member, in the order that decides which is the first.
    pub departments: Vec<DepartmentId>,
}

impl Reach {
    /// Whether the scope covers a conversation of `hotel` that is routed to `department`, or unrouted if `None`.
    pub fn covers(&self, hotel: HotelId, department: Option<DepartmentId>) -> bool {
        hotel == self.hotel && department.is_none_or(|department| self.is_manager() || self.is_member(department))
    }

    /// Whether the staff member is a manager.
    pub fn is_manager(&self) -> bool {
        self.role == Role::Manager
    }

    /// Whether the staff member belongs to the department.
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
    fn staff_see_their_departments_and_unrouted_conversations() {
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
    fn other_hotels_are_invisible() {
        for role in [Role::Staff, Role::Manager] {
            assert!(!reach(role, &[1]).covers(HotelId(2), None));
            assert!(!reach(role, &[1]).covers(HotelId(2), Some(DepartmentId(1))));
        }
    }
}
