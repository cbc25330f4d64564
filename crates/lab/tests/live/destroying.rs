use crate::deploying::Deployment;
use crate::ground::{eventually, is_alive};
use greylag_lab::deploy::DeployError;
use greylag_lab::destroy::{Destroyed, destroy_all};
use greylag_lab::netns::Netns;
use greylag_tests::{Need, has};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;

#[test]
fn a_lab_is_destroyed_after_its_switch_was_killed() {
    if !has(&[Need::NetAdmin]) {
        return;
    }
    let it = Deployment::new("kill9");
    it.deploy().unwrap();
    it.kill_switch();
    let socket = it.state.control_socket(&format!("{}-sw1", it.lab.name));
    assert!(socket.exists(), "a killed switch leaves its socket behind");
    assert_eq!(it.destroy(), Destroyed::Removed { processes: 0, namespaces: 3 });
    it.nothing_is_left();
    assert_eq!(it.destroy(), Destroyed::NotDeployed);
}

#[test]
fn a_lab_is_destroyed_without_its_record() {
    if !has(&[Need::NetAdmin]) {
        return;
    }
    let it = Deployment::new("lost");
    let folder = it.state.lab(&it.lab.name).unwrap();
    for lost in ["lab.json", "sw1.pid", "everything"] {
        it.deploy().unwrap();
        let pid = it.switch_pid();
        match lost {
            "everything" => fs::remove_dir_all(folder.path()).unwrap(),
            file => fs::remove_file(folder.path().join(file)).unwrap(),
        }
        if lost != "sw1.pid" {
            assert!(
                matches!(it.deploy(), Err(DeployError::LeftOver(_) | DeployError::Deployed(_))),
                "{lost}"
            );
        }
        assert_eq!(it.destroy(), Destroyed::Removed { processes: 1, namespaces: 3 }, "{lost}");
        assert!(!is_alive(pid), "{lost}");
        it.nothing_is_left();
    }
    it.deploy().unwrap();
    fs::write(folder.path().join("lab.json"), "{").unwrap();
    assert!(it.deploy().unwrap_err().to_string().contains("lab.json is not what greylag wrote there"));
    it.destroy();
    it.nothing_is_left();

    it.deploy().unwrap();
    Netns::delete(&it.netns(0)).unwrap();
    it.destroy();
    it.nothing_is_left();
}

#[test]
fn a_deployment_that_was_cut_short_is_replaced() {
    if !has(&[Need::NetAdmin]) {
        return;
    }
    let it = Deployment::new("short");
    it.deploy().unwrap();
    // As if greylag had been killed at its last step.
    let record = it.state.lab(&it.lab.name).unwrap().path().join("lab.json");
    let text = fs::read_to_string(&record).unwrap();
    fs::write(&record, text.replace("\"complete\": true", "\"complete\": false")).unwrap();
    let before = it.switch_pid();
    assert!(!it.deploy().unwrap().powered_on);
    assert!(!is_alive(before));
    it.destroy();
    it.nothing_is_left();
}

#[test]
fn another_process_with_the_old_number_is_not_killed() {
    if !has(&[Need::NetAdmin]) {
        return;
    }
    let it = Deployment::new("pid");
    it.deploy().unwrap();
    let switch = it.switch_pid();
    // The number of the switch's process was given to this one meanwhile.
    let mut other = std::process::Command::new("sleep").arg("60").spawn().unwrap();
    let file = it.state.lab(&it.lab.name).unwrap().path().join("sw1.pid");
    let started = fs::read_to_string(&file).unwrap().split_whitespace().nth(1).unwrap().to_owned();
    fs::write(&file, format!("{} {started}\n", other.id())).unwrap();
    kill(Pid::from_raw(switch as i32), Signal::SIGKILL).unwrap();
    eventually("the switch is dead", || !is_alive(switch));
    // Processes of one test may begin in the same tick of 10 ms, but a switch takes longer to be ready.
    it.destroy();
    assert!(is_alive(other.id()));
    other.kill().unwrap();
    other.wait().unwrap();
    it.nothing_is_left();
}

#[test]
fn all_labs_are_destroyed_at_once() {
    if !has(&[Need::NetAdmin]) {
        return;
    }
    let it = Deployment::new("all");
    it.deploy().unwrap();
    let mut second = it.lab.clone();
    second.name = format!("{}-b", it.lab.name);
    // Its TAP host's namespace is the first lab's, which is of no interest here.
    second.links.truncate(0);
    if let greylag_scenario::lab::NodeKind::Greylag(config) = &mut second.nodes[0].kind {
        config.ports.clear();
    }
    second.nodes[2].exec.clear();
    greylag_lab::deploy::deploy(&second, &it.options).unwrap();
    assert_eq!(it.ground.namespaces().len(), 6);
    assert_eq!(destroy_all(&it.state).unwrap(), [it.lab.name.clone(), second.name]);
    it.nothing_is_left();
    assert_eq!(destroy_all(&it.state).unwrap(), [""; 0]);
}
