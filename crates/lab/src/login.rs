//! Who sits in front of the machine.

use nix::unistd::{Uid, User};
use std::fs;

/// The name of the user who logged in, whoever they have become since (`sudo` leaves it as it is); where nobody has logged in, the
/// name of the user that this process belongs to.
pub fn name() -> String {
    let logged_in = fs::read_to_string("/proc/self/loginuid").ok().and_then(|text| text.trim().parse().ok());
    // The kernel's word for nobody.
    let uid = logged_in.filter(|&uid| uid != u32::MAX).map_or_else(Uid::current, Uid::from_raw);
    match User::from_uid(uid) {
        Ok(Some(user)) => user.name,
        _ => format!("uid {uid}"),
    }
}
