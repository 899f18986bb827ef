//! `fanout` as its users meet it: a process, and the words of the README.

mod command;
mod emulators;
mod readme;
mod running;
