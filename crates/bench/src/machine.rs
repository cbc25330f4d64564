//! What figures were taken on.

use crate::instructions::Counter;
use serde::{Deserialize, Serialize};
use std::fs;

/// The machine, as far as it bears on a table's speed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Machine {
    /// Model of the processor.
    pub processor: String,
    /// The clock that the first core shows, in MHz.
    #[serde(default)]
    pub megahertz: Option<f64>,
    /// Cores that the program may use.
    pub cores: usize,
    /// Caches that the first core sees, as `L2 1024K`.
    pub caches: Vec<String>,
    /// Release of the kernel.
    pub kernel: String,
    /// When memory comes in huge pages: `always`, `madvise` or `never`.
    pub huge_pages: String,
    /// Why instructions are not counted; `null` if they are.
    pub no_counters: Option<String>,
}

impl Machine {
    pub(crate) fn this(cores: usize) -> Self {
        Machine {
            processor: processor().unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            megahertz: field("cpu MHz").and_then(|clock| clock.parse().ok()),
            cores,
            caches: caches(),
            kernel: line("/proc/sys/kernel/osrelease").unwrap_or_default(),
            huge_pages: line("/sys/kernel/mm/transparent_hugepage/enabled")
                .and_then(|choice| Some(choice.split_once('[')?.1.split_once(']')?.0.to_owned()))
                .unwrap_or_else(|| "never".to_owned()),
            no_counters: Counter::new().err().map(|error| error.to_string()),
        }
    }
}

/// What makes glibc ask for huge pages for the whole heap, in [`HEAP_VARIABLE`]; read when a program starts.
pub const HUGE_HEAP: &str = "glibc.malloc.hugetlb=1";
/// The environment variable that tunes glibc.
pub const HEAP_VARIABLE: &str = "GLIBC_TUNABLES";

/// Was this program started so?
pub fn has_huge_heap() -> bool {
    std::env::var(HEAP_VARIABLE).is_ok_and(|tunables| tunables.contains(HUGE_HEAP))
}

fn line(path: &str) -> Option<String> {
    fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}

/// What the first core says of itself.
fn field(name: &str) -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let (_, rest) = text.split_once(name)?;
    Some(rest.lines().next()?.trim_start_matches([' ', '\t', ':']).trim().to_owned())
}

fn processor() -> Option<String> {
    let model = field("model name")?;
    // A hypervisor may tell no more than the maker; family and model tell the rest.
    Some(match (field("cpu family"), field("model\t")) {
        (Some(family), Some(number)) => format!("{model} (family {family}, model {number})"),
        _ => model,
    })
}

fn caches() -> Vec<String> {
    let folder = "/sys/devices/system/cpu/cpu0/cache";
    (0..)
        .map_while(|index| {
            let of = |what: &str| line(&format!("{folder}/index{index}/{what}"));
            Some((of("level")?, of("type")?, of("size")?))
        })
        .filter(|(_, kind, _)| kind != "Instruction")
        .map(|(level, _, size)| format!("L{level} {size}"))
        .collect()
}
