public import Curfew
internal import Synchronization

/// The command line of Curfew: the program `curfew`, or one of your own that knows policies of your own.
///
/// ```swift
/// import CurfewCLI
///
/// await CurfewCommand.main(policies: [AbandonedCart.self])
/// ```
///
/// Such a program has the commands, options and exit codes of `curfew`, and wherever a configuration is read its cleanups
/// may name these policies.
public enum CurfewCommand {
    private static let known = Mutex(KnownPolicies.builtIn)

    /// The policies that the configuration may name.
    static var policies: KnownPolicies { known.withLock { $0 } }

    /// Runs the command that the arguments of the process say.
    ///
    /// Where it fails, it says why on standard error and ends the process: with 1 where something couldn't be done, 2 for
    /// wrong usage or configuration, 3 where Redis or the storage isn't reachable, 4 where somebody else holds the lease.
    /// A policy whose name can't be used, or is that of another one, is said with what is wrong with the configuration.
    ///
    /// - Parameter policies: the policies of your own, beside those that are built in.
    public static func main(policies: [any Policy.Type] = []) async {
        let all = KnownPolicies(own: policies)
        known.withLock { $0 = all }
        await RootCommand.runAsProgram()
    }
}
