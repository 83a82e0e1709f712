/// A configuration whose runs keep their leases however busy the machine is, unless it says itself what its workers do.
///
/// Where several tests share two cores and nothing is optimised, a renewal may take longer than a lease of 15 s, which
/// is the default, and a test that isn't about leases would fail because its run had ended. It isn't for tests in which
/// servers are killed: there a lease that nobody could give back is waited for.
package func unhurried(_ configuration: String) -> String {
    configuration.split(separator: "\n").contains { $0.hasPrefix("worker:") }
        ? configuration : configuration + "\nworker: {lease: 5m}\n"
}
