//! The file formats: what is read of a good file, and every word that is said about a bad one.

mod bad_bond;
mod bad_bundle;
mod bad_lab;
mod bad_layer3;
mod bad_learning;
mod bad_mclag;
mod bad_story;
mod bad_switch;
mod bad_timeline;
mod broken;
mod bundles;
mod documented;
mod examples;
mod files;
mod good_story;
mod mclag;
mod no_panic;
mod routed_story;
mod routing;
