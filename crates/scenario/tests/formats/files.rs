//! What only real files can be: missing, binary, spread over a folder.

use greylag_base::VlanId;
use greylag_scenario::{Source, lab, switch};
use greylag_switch::config::Membership;
use std::fs;
use std::path::Path;

const LAB: &str = "name: x
topology:
  nodes:
    sw1: {kind: greylag, startup-config: config/sw1.yml}
    h1: {kind: host}
  links:
    - endpoints: [\"sw1:eth1\", \"h1:eth1\"]
";

/// A folder with a lab whose switch has `config` as its startup-config.
fn folder(config: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("config")).unwrap();
    fs::write(folder.path().join("x.clab.yml"), LAB).unwrap();
    fs::write(folder.path().join("config/sw1.yml"), config).unwrap();
    folder
}

/// What is said about the lab in `folder`, with paths below it.
fn complaint(folder: &Path) -> String {
    let source = Source::read(folder.join("x.clab.yml")).unwrap();
    let error = lab::parse(&source).unwrap_err().to_string();
    error.replace(&format!("{}/", folder.display()), "")
}

#[test]
fn a_startup_config_is_found_beside_the_lab() {
    let folder = folder("name: sw1\nports: {eth1: {access-vlan: 10}}\n");
    let lab = lab::parse(&Source::read(folder.path().join("x.clab.yml")).unwrap()).unwrap();
    let lab::NodeKind::Greylag(config) = &lab.nodes[0].kind else { panic!("sw1 is a switch") };
    assert_eq!(config.ports[0].membership, Membership::Access(VlanId::new(10).unwrap()));
}

#[test]
fn problems_of_a_startup_config_are_told_with_its_own_name() {
    let cases = [
        (
            "ports: {eth1: {access-vlan: 5000}}\n",
            "config/sw1.yml:1:29: ports.eth1.access-vlan: VLAN 5000 is out of range: expected 1 to 4094",
        ),
        (
            "ports: {eth1: {}, eth2: {}}\n",
            "config/sw1.yml:1:19: ports.eth2: no link ends at port `eth2`: \
             add one to topology.links, or remove the port (linked: eth1)",
        ),
        (
            "name: sw2\n",
            "config/sw1.yml:1:7: name: this switch is node `sw1` of the lab: write `name: sw1`, or remove it",
        ),
        ("name: [\n", "config/sw1.yml:1:7: not valid YAML: unclosed bracket '['"),
        (
            "",
            "config/sw1.yml:1:1: the file is empty: expected a switch's configuration such as \
             `name: sw1`, `ports: {eth1: {}, eth2: {}}`",
        ),
    ];
    for (config, expected) in cases {
        assert_eq!(complaint(folder(config).path()), expected);
    }
}

#[test]
fn a_startup_config_that_is_not_there_is_a_problem_of_the_lab() {
    let folder = folder("");
    fs::remove_file(folder.path().join("config/sw1.yml")).unwrap();
    assert_eq!(
        complaint(folder.path()),
        "x.clab.yml:4:42: topology.nodes.sw1.startup-config: `config/sw1.yml`: there is no such file"
    );
}

#[test]
fn a_file_that_cannot_be_read() {
    let folder = folder("");
    let said = |name: &str| {
        let error = Source::read(folder.path().join(name)).unwrap_err();
        let text = error.to_string().replace(&format!("{}/", folder.path().display()), "");
        (text, error.problems()[0].line)
    };
    assert_eq!(said("sw9.yml"), ("sw9.yml: there is no such file".into(), None));
    assert_eq!(said("config"), ("config: this is a folder: expected a file".into(), None));
    fs::write(folder.path().join("latin1.yml"), b"name: sw1\n# M\xfcller\n").unwrap();
    assert_eq!(
        said("latin1.yml"),
        ("latin1.yml:2:4: byte 0xfc is not UTF-8: save the file as UTF-8".into(), Some(2))
    );
    let endless = Source::read("/dev/zero").unwrap_err().to_string();
    assert_eq!(endless, "/dev/zero: it has more than 16 MiB, which no switch or lab file needs");
}

#[test]
fn a_rendered_error_shows_the_line_and_a_caret() {
    let render = |text: &str| switch::parse(&Source::new("sw1.yml", text)).unwrap_err().render();
    assert_eq!(
        render("name: sw1\nports:\n  eth1: {access-vlan: 5000}\n"),
        "sw1.yml:3:23: ports.eth1.access-vlan: VLAN 5000 is out of range: expected 1 to 4094
  |
3 |   eth1: {access-vlan: 5000}
  |                       ^
"
    );
    // A long line is shown around the column, and columns count characters.
    let long = render(&format!("{{name: sw1, ports: {{eth1: {{}}}}, {}mut: ä}}", " ".repeat(300)));
    let lines: Vec<&str> = long.lines().collect();
    assert!(lines[0].starts_with("sw1.yml:1:332: mut: unknown key `mut`"), "{long}");
    assert!(lines[2].chars().count() < 120);
    let caret = lines[3].find('^').unwrap();
    assert_eq!(lines[2].chars().skip(caret).take(3).collect::<String>(), "mut");
}

#[test]
fn a_problem_as_json() {
    let text = "name: sw1\nports:\n  eth1: {access-vlan: 5000}\n";
    let error = switch::parse(&Source::new("sw1.yml", text)).unwrap_err();
    assert_eq!(
        serde_json::to_value(error.problems()).unwrap(),
        serde_json::json!([{
            "path": "sw1.yml",
            "line": 3,
            "column": 23,
            "field": "ports.eth1.access-vlan",
            "message": "VLAN 5000 is out of range: expected 1 to 4094",
        }])
    );
}
