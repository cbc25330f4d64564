use super::word;
use crate::table::Align::{Left, Right};
use crate::table::Table;
use greylag_lab::answer::Lacp;
use greylag_switch::show::{LacpRow, LagRow};
use std::fmt::Write as _;

/// What stands under the name of a port.
const INDENT: &str = "        ";

pub(super) fn lags(rows: &[LagRow]) -> String {
    if rows.is_empty() {
        return "there is no bundle\n".to_owned();
    }
    let mut table = Table::new(&[
        ("LAG", Left),
        ("TYPE", Left),
        ("OPER", Left),
        ("MBIT/S", Right),
        ("MIN", Right),
        ("PORT", Left),
        ("OPER", Left),
        ("TAKES", Left),
        ("SENDS", Left),
        ("FLOWS", Right),
    ]);
    let yes = |yes: bool| if yes { "yes" } else { "no" };
    for lag in rows {
        for (index, member) in lag.members.iter().enumerate() {
            let first = |text: String| if index == 0 { text } else { String::new() };
            table.row(&[
                &first(lag.name.clone()),
                &first(lag.lag_type.clone()),
                &first(lag.oper_status.clone()),
                &first(lag.lag_speed.0.to_string()),
                &first(lag.min_links.to_string()),
                &member.interface,
                &member.oper_status,
                &yes(member.collecting),
                &yes(member.distributing),
                &format!("{:.0} %", member.share),
            ]);
        }
    }
    table.to_string()
}

pub(super) fn lacp(rows: &[Lacp]) -> String {
    if rows.is_empty() {
        return "there is no bundle\n".to_owned();
    }
    let mut text = String::new();
    for bundle in rows.chunk_by(|a, b| a.row.name == b.row.name) {
        let LacpRow { name, lacp_mode, interval, system_priority, system_id, .. } = &bundle[0].row;
        let (mode, interval) = (word(lacp_mode), word(interval));
        text += &format!("{name}: {mode}, {interval}, system {system_priority} {system_id}\n");
        bundle.iter().for_each(|port| member(&mut text, port));
    }
    text
}

fn member(text: &mut String, Lacp { last_change, row }: &Lacp) {
    let why = row.why.as_ref().map(|why| format!(" ({})", word(why))).unwrap_or_default();
    let (selected, receive, mux) = (word(&row.selected), word(&row.receive_state), word(&row.mux_state));
    let since = super::second(last_change);
    let counted = &row.counters;
    let lines = [
        format!("{selected}{why}, receive {receive}, mux {mux}, since {since}"),
        format!("actor    key {}, port {} {}:", row.oper_key, row.port_priority, row.port_num),
        format!("         {}", flags(&row.actor_state)),
        format!(
            "partner  {} {}, key {}, port {} {}:",
            row.partner_system_priority,
            row.partner_id,
            row.partner_key,
            row.partner_port_priority,
            row.partner_port_num
        ),
        format!("         {}", flags(&row.partner_state)),
        format!(
            "in {}, out {}, bad {}, unknown {}, missed {}",
            counted.lacp_in_pkts,
            counted.lacp_out_pkts,
            counted.lacp_rx_errors,
            counted.lacp_unknown_errors,
            counted.lacp_missed
        ),
    ];
    let _ = writeln!(text, "  {}", row.interface);
    for line in lines {
        let _ = writeln!(text, "{INDENT}{}", line.trim_end());
    }
}

fn flags(names: &[String]) -> String {
    if names.is_empty() { "-".to_owned() } else { names.join(" ") }
}
