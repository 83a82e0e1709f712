internal import Policies

/// The cleanups that an instance may claim, and the name under which it tells Redis so.
///
/// Instances with the same configuration have the same registration: what they know is told once for all of them. A
/// cleanup that is refused to an instance (see ``Definitions``) isn't in its registration.
package struct Registration: Sendable {
    /// Its name: a digest of everything in it.
    let id: String
    /// The cleanups.
    let cleanups: [Cleanup]

    /// How many are looked for with a heartbeat, in what is registered and on the schedule.
    private static let mostProbes = 16

    /// The registration of a configuration without those that are refused.
    init(_ configuration: Configuration, refused: Set<String> = []) {
        cleanups = configuration.cleanups.filter { $0.isEnabled && !refused.contains($0.name) }
        var words = [configuration.fingerprint]
        for cleanup in cleanups {
            words += [cleanup.name, cleanup.kind.rawValue, cleanup.isDryRun ? "1" : "0", "\(cleanup.schedule)"]
        }
        id = String(FunctionLibrary.digest(of: words.joined(separator: "\n")).prefix(16))
    }

    /// The cleanups that are looked for with a heartbeat of that number: others each time, and on other instances.
    func probes(_ number: Int) -> [String] {
        guard cleanups.count > Self.mostProbes else { return cleanups.map(\.name) }
        let start = number % ((cleanups.count + Self.mostProbes - 1) / Self.mostProbes) * Self.mostProbes
        return cleanups[start..<min(start + Self.mostProbes, cleanups.count)].map(\.name)
    }
}
