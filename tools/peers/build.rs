//! Builds the shims of the C peers whose packages are there.

fn main() {
    println!("cargo::rerun-if-changed=c");
    for (package, least, shim) in
        [("libdpdk", "22.11", "rte_hash"), ("ck", "0.7", "ck_ht"), ("liburcu-cds", "0.13", "lfht")]
    {
        println!("cargo::rustc-check-cfg=cfg({shim})");
        // Metadata is printed only once the shim is built: nothing is linked for one that is not.
        let Ok(library) =
            pkg_config::Config::new().atleast_version(least).cargo_metadata(false).probe(package)
        else {
            continue;
        };
        let mut build = cc::Build::new();
        build.file(format!("c/{shim}.c")).opt_level(3).flag("-std=gnu11");
        // Inlined parts of DPDK choose their instructions by the compiler's target.
        build.flag_if_supported("-march=native");
        build.includes(&library.include_paths);
        if shim == "rte_hash" {
            // As `pkg-config --cflags libdpdk` says; the crate does not pass on such flags.
            build.flag("-include").flag("rte_config.h");
        }
        if let Err(error) = build.try_compile(&format!("peer_{shim}")) {
            println!("cargo::warning={shim} is left out, its shim does not compile: {error}");
            continue;
        }
        for path in &library.link_paths {
            println!("cargo::rustc-link-search=native={}", path.display());
        }
        // Of DPDK's hundred libraries these are the ones that a hash table needs.
        let libraries = match shim {
            "rte_hash" => vec!["rte_hash", "rte_rcu", "rte_ring", "rte_eal", "rte_kvargs", "rte_telemetry"],
            "ck_ht" => vec!["ck"],
            _ => vec!["urcu-memb", "urcu-cds", "urcu-common"],
        };
        for library in libraries {
            println!("cargo::rustc-link-lib={library}");
        }
        println!("cargo::rustc-cfg={shim}");
    }
}
