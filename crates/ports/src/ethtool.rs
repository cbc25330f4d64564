//! What ethtool(8) says of a link, carrier and speed: `ETHTOOL_GLINK`, `ETHTOOL_GLINKSETTINGS` and
//! `ETHTOOL_SLINKSETTINGS` of linux/ethtool.h.

use crate::Interface;
use crate::interface::ifreq;
use std::io;

const ETHTOOL_GLINK: u32 = 0x0a;
const ETHTOOL_GLINKSETTINGS: u32 = 0x4c;
const ETHTOOL_SLINKSETTINGS: u32 = 0x4d;
const SPEED_UNKNOWN: u32 = u32::MAX;

/// `struct ethtool_link_settings`, with room for the three masks that follow it at their longest.
#[repr(C)]
struct LinkSettings {
    cmd: u32,
    speed: u32,
    duplex: u8,
    port: u8,
    phy_address: u8,
    autoneg: u8,
    mdio_support: u8,
    eth_tp_mdix: u8,
    eth_tp_mdix_ctrl: u8,
    link_mode_masks_nwords: i8,
    transceiver: u8,
    master_slave_cfg: u8,
    master_slave_state: u8,
    rate_matching: u8,
    reserved: [u32; 7],
    link_mode_masks: [u32; 3 * i8::MAX as usize],
}

/// `struct ethtool_value`.
#[repr(C)]
struct Value {
    cmd: u32,
    data: u32,
}

/// IFF_RUNNING would be cheaper, but is set from the start and follows the carrier up to a second later. This
/// question makes the kernel's link watch catch up first (`linkwatch_sync_dev`).
pub(crate) fn has_carrier(interface: &Interface) -> io::Result<bool> {
    let mut link = Value { cmd: ETHTOOL_GLINK, data: 0 };
    // SAFETY: an ethtool_value is what ETHTOOL_GLINK reads and writes.
    unsafe { ioctl(interface, &mut link) }?;
    Ok(link.data != 0)
}

pub(crate) fn speed(interface: &Interface) -> io::Result<Option<u32>> {
    let speed = read(interface)?.speed;
    Ok((speed != SPEED_UNKNOWN).then_some(speed))
}

pub(crate) fn set_speed(interface: &Interface, mbits: u32) -> io::Result<()> {
    let mut settings = read(interface)?;
    settings.cmd = ETHTOOL_SLINKSETTINGS;
    settings.speed = mbits;
    exchange(interface, &mut settings)
}

fn read(interface: &Interface) -> io::Result<LinkSettings> {
    // SAFETY: integers and arrays of them, for which zero is a value.
    let mut settings: LinkSettings = unsafe { std::mem::zeroed() };
    settings.cmd = ETHTOOL_GLINKSETTINGS;
    exchange(interface, &mut settings)?;
    // The first answer to a question about masks of length 0 is their length, negative.
    settings.link_mode_masks_nwords = settings.link_mode_masks_nwords.saturating_neg();
    settings.cmd = ETHTOOL_GLINKSETTINGS;
    exchange(interface, &mut settings)?;
    Ok(settings)
}

fn exchange(interface: &Interface, settings: &mut LinkSettings) -> io::Result<()> {
    // SAFETY: the masks have room for the longest length that the field for it can say.
    unsafe { ioctl(interface, settings) }
}

/// # Safety
/// `command` must be the structure, cmd first, that the kernel expects for its cmd.
unsafe fn ioctl<T>(interface: &Interface, command: &mut T) -> io::Result<()> {
    let mut request = ifreq(interface.name());
    request.ifr_ifru.ifru_data = (command as *mut T).cast();
    // SAFETY: SIOCETHTOOL follows ifru_data to the structure that the caller vouches for.
    unsafe { interface.ioctl(libc::SIOCETHTOOL, &mut request) }
}
