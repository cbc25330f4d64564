//! What ethtool(8) says of an interface and sets on it: carrier, speed, driver, queues and offloads (linux/ethtool.h).

use crate::Interface;
use crate::interface::ifreq;
use std::io;

const ETHTOOL_GDRVINFO: u32 = 0x03;
const ETHTOOL_GLINK: u32 = 0x0a;
const ETHTOOL_STXCSUM: u32 = 0x17;
const ETHTOOL_GFLAGS: u32 = 0x25;
const ETHTOOL_SFLAGS: u32 = 0x26;
const ETHTOOL_GCHANNELS: u32 = 0x3c;
const ETHTOOL_SCHANNELS: u32 = 0x3d;
const ETHTOOL_GLINKSETTINGS: u32 = 0x4c;
const ETHTOOL_SLINKSETTINGS: u32 = 0x4d;
const SPEED_UNKNOWN: u32 = u32::MAX;
/// `ETH_FLAG_TXVLAN`: the hardware puts tags in.
const FLAG_TX_VLAN: u32 = 1 << 7;

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

/// `struct ethtool_drvinfo`.
#[repr(C)]
struct DriverInfo {
    cmd: u32,
    driver: [u8; 32],
    others: [u8; 4 * 32 + 12],
    counts: [u32; 5],
}

/// `struct ethtool_channels`: how many queues there can be, and how many there are.
#[repr(C)]
#[derive(Clone, Copy, Default, PartialEq)]
struct Channels {
    cmd: u32,
    max_rx: u32,
    max_tx: u32,
    max_other: u32,
    max_combined: u32,
    rx: u32,
    tx: u32,
    other: u32,
    combined: u32,
}

/// The name of the driver: `veth`, `tun`, that of a network card.
pub(crate) fn driver(interface: &Interface) -> io::Result<String> {
    // SAFETY: integers and arrays of them, for which zero is a value.
    let mut info: DriverInfo = unsafe { std::mem::zeroed() };
    info.cmd = ETHTOOL_GDRVINFO;
    // SAFETY: an ethtool_drvinfo is what ETHTOOL_GDRVINFO writes.
    unsafe { ioctl(interface, &mut info) }?;
    let name = info.driver.split(|&octet| octet == 0).next().unwrap_or_default();
    Ok(String::from_utf8_lossy(name).into_owned())
}

/// Asks for so many queues, for both directions, and says by how many the interface receives then. A driver that has no word for it has
/// one.
pub(crate) fn ask_for_queues(interface: &Interface, wanted: u32) -> io::Result<u32> {
    let Some(there) = channels(interface)? else { return Ok(1) };
    // Queues are for both directions, or for each one.
    if there.combined > 0 {
        let combined = wanted.min(there.max_combined);
        let is_so =
            there.combined == combined || set_channels(interface, Channels { combined, ..there }).is_ok();
        return Ok(there.rx + if is_so { combined } else { there.combined });
    }
    // A veth may send by no more queues than its other end receives by, if there is an XDP program too.
    let most = wanted.min(there.max_rx).min(there.max_tx);
    for rx in [most, most.min(there.tx)] {
        let asked = Channels { rx, tx: there.tx.max(rx), ..there };
        if asked == there || set_channels(interface, asked).is_ok() {
            return Ok(rx);
        }
    }
    Ok(there.rx)
}

fn set_channels(interface: &Interface, channels: Channels) -> io::Result<()> {
    let mut channels = Channels { cmd: ETHTOOL_SCHANNELS, ..channels };
    // SAFETY: an ethtool_channels is what ETHTOOL_SCHANNELS reads.
    unsafe { ioctl(interface, &mut channels) }
}

fn channels(interface: &Interface) -> io::Result<Option<Channels>> {
    let mut channels = Channels { cmd: ETHTOOL_GCHANNELS, ..Channels::default() };
    // SAFETY: an ethtool_channels is what ETHTOOL_GCHANNELS writes.
    match unsafe { ioctl(interface, &mut channels) } {
        Ok(()) => Ok(Some(channels)),
        Err(error) if error.raw_os_error() == Some(libc::EOPNOTSUPP) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Leaves nothing to hardware that the interface does not have: checksums, segmentation (which the kernel does not leave to it without
/// checksums), tags.
pub(crate) fn finish_before_sending(interface: &Interface) -> io::Result<()> {
    set_value(interface, ETHTOOL_STXCSUM, 0)?;
    let mut flags = Value { cmd: ETHTOOL_GFLAGS, data: 0 };
    // SAFETY: an ethtool_value is what ETHTOOL_GFLAGS writes.
    unsafe { ioctl(interface, &mut flags) }?;
    set_value(interface, ETHTOOL_SFLAGS, flags.data & !FLAG_TX_VLAN)
}

fn set_value(interface: &Interface, cmd: u32, data: u32) -> io::Result<()> {
    let mut value = Value { cmd, data };
    // SAFETY: callers pass ETHTOOL_STXCSUM or ETHTOOL_SFLAGS, which read an ethtool_value.
    match unsafe { ioctl(interface, &mut value) } {
        // A driver without such offloads.
        Err(error) if error.raw_os_error() == Some(libc::EOPNOTSUPP) => Ok(()),
        result => result,
    }
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
