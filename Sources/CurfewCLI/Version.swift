internal import CBuild
internal import Curfew

/// What `--version` says.
enum Version {
    /// The version, the commit if the build knows it, and the name of the library of functions in Redis:
    /// `0.1.0 (commit 1a2b3c4d5e6f, Redis library curfew_8_0123abcd)`.
    ///
    /// Scripts read the first word.
    static var text: String {
        let commit = String(cString: curfew_commit())
        let build = commit.isEmpty ? "" : "commit \(commit), "
        return "\(CurfewVersion.current) (\(build)Redis library \(FunctionLibrary.name))"
    }
}
