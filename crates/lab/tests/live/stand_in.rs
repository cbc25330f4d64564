//! A switch that forwards nothing: it makes its ports and listens on its control socket, no more. It shows how
//! processes are handled without the real switch.
//!
//! It is a test of this very file, started through a script: so it needs no program besides.

use crate::ground::port;
use greylag_lab::link::{self, VethEnd};
use greylag_lab::netns::Netns;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

const VARIABLE: &str = "GREYLAG_STAND_IN";

/// Writes a program that can be started like greylag: `PROGRAM run CONFIG --socket PATH`.
pub(crate) fn program(folder: &Path) -> PathBuf {
    let this = std::env::current_exe().unwrap();
    let this = this.display();
    script(
        folder,
        &format!(
            "{VARIABLE}=\"$2|$4\" exec '{this}' --exact stand_in::stand_in --nocapture --test-threads=1"
        ),
    )
}

/// Writes a program of these shell commands.
pub(crate) fn script(folder: &Path, commands: &str) -> PathBuf {
    let path = folder.join("switch.sh");
    fs::write(&path, format!("#!/bin/sh\n{commands}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn stand_in() {
    // Only when it is started as a program.
    let Ok(arguments) = std::env::var(VARIABLE) else { return };
    let (config, socket) = arguments.split_once('|').unwrap();
    let config: serde_json::Value = serde_json::from_str(&fs::read_to_string(config).unwrap()).unwrap();
    let own = Netns::own().unwrap();
    for (name, settings) in config["ports"].as_object().unwrap() {
        if settings["type"] != "tap" {
            assert!(link::find(&own, name).unwrap().unwrap().up, "a cable is there before the switch is");
            continue;
        }
        // In place of a TAP, which takes system calls that are not safe, one end of a veth pair.
        let _ = link::delete(&own, name);
        let host = Netns::open(settings["netns"].as_str().unwrap()).unwrap();
        let interface = port(settings["interface"].as_str().unwrap());
        let mac = settings["mac-address"].as_str().map(|mac| mac.parse().unwrap());
        link::veth_pair(
            &VethEnd { netns: &own, name: &port(name), mac: None, mtu: 1500 },
            &VethEnd { netns: &host, name: &interface, mac, mtu: 1500 },
        )
        .unwrap();
        link::set_up(&own, name).unwrap();
    }
    let _ = fs::remove_file(socket);
    let listener = UnixListener::bind(socket).unwrap();
    for connection in listener.incoming() {
        // Whoever only looks whether somebody listens has gone already.
        let _ = connection.unwrap().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]");
    }
}
