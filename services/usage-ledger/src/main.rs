//! The one binary of the product.

fn main() -> std::process::ExitCode {
    usage_ledger::cli::main()
}
