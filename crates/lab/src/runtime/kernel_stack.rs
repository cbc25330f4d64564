//! Keeps the kernel's own network stack off a device that stands in a host's namespace.
//!
//! What comes in by a member of a bond is for the bond, and the kernel's stack gets it all the same: it would take in each packet for the
//! host a second time, and answer for the host's addresses with that of the member. With these settings it takes no packet from there and
//! says nothing there (Documentation/networking/ip-sysctl.rst).

use super::PortError;
use greylag_base::PortName;
use std::fs;
use std::io;
use std::path::PathBuf;

/// Family and key of each setting, and its value: an interface without IPv6; one that no route leads back by, so that strict source
/// validation (RFC 3704 2.2) takes nothing in there; one by which no ARP request is answered.
const SETTINGS: [(&str, &str, &str); 3] =
    [("ipv6", "disable_ipv6", "1"), ("ipv4", "rp_filter", "1"), ("ipv4", "arp_ignore", "8")];

/// Of two values for source validation the kernel takes the greater, and 2 is less strict than 1.
const ALL: &str = "/proc/sys/net/ipv4/conf/all/rp_filter";

/// A device that the stack is kept off until this is dropped.
pub(super) struct KeptOff(Vec<(PathBuf, String)>);

impl KeptOff {
    pub(super) fn device(device: &PortName) -> Result<KeptOff, PortError> {
        let failed =
            |path: PathBuf| move |source: io::Error| PortError::Stack { port: device.clone(), path, source };
        if fs::read_to_string(ALL).is_ok_and(|value| value.trim() == "2") {
            tracing::warn!("{ALL} is 2: the host takes packets twice from {device}, unless it is 0 or 1");
        }
        let mut settings = Vec::new();
        for (family, key, value) in SETTINGS {
            let path = |device: &str| PathBuf::from(format!("/proc/sys/net/{family}/conf/{device}/{key}"));
            let own = path(device.as_str());
            match fs::read_to_string(&own) {
                Ok(found) => settings.push((own, path("default"), found.trim().to_owned(), value)),
                // A kernel without IPv6; that there is no such device is said by whoever opens it.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(failed(own)(error)),
            }
        }
        // A bond that was killed has left its settings behind. How it was before nobody knows any more: as devices are made, most
        // likely.
        let left_behind = settings.iter().all(|(_, _, found, value)| found == value);
        let mut kept_off = KeptOff(Vec::new());
        for (own, default, found, value) in settings {
            if found != value {
                fs::write(&own, value).map_err(failed(own.clone()))?;
            }
            let before = if left_behind { fs::read_to_string(default).unwrap_or(found) } else { found };
            kept_off.0.push((own, before));
        }
        Ok(kept_off)
    }
}

impl Drop for KeptOff {
    fn drop(&mut self) {
        for (path, before) in &self.0 {
            // The device may have gone, and its settings with it.
            let _ = fs::write(path, before.trim());
        }
    }
}
