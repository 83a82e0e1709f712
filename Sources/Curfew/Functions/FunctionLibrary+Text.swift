/// The text of the library: its parts, joined when they are loaded.
///
/// The version is derived from the text, so a changed text always has a new version.
extension FunctionLibrary {
    /// The format of calls and answers: the first number of the version, which shows people which version is newer.
    package static let format = 9

    /// The version of this binary: the format, and the beginning of the digest of the whole text.
    package static let version = "\(format)_\(digest(of: "\(format)\n\(functions)\(registration)").prefix(8))"

    /// The oldest Redis version with functions.
    package static let oldestServer = "7.0"

    /// The name of the library on a server.
    package static let name = "curfew_\(version)"

    /// The function for redis-cli users and its library, whose names are the same in all versions.
    package static let overview = (function: RedisFunction.overview.rawValue, library: "curfew")

    /// The text that is loaded.
    package static let source = "#!lua name=\(name)\n\(constants)\(functions)\(registration)"

    /// The text of the library for redis-cli users.
    package static let overviewSource = text(PackageResources.overview_lua)

    /// The library as a script.
    ///
    /// Dragonfly needs the first line, because a call to one node of a cluster declares no keys. It also has a newer
    /// Lua, in which two functions have other names.
    static let script: String = {
        let ourWords = "local unpack, loadstring = unpack or table.unpack, loadstring or load\n"
        let ending = text(PackageResources.script_lua)
        return "--!df flags=allow-undeclared-keys\n\(ourWords)\(constants)\(functions)\(ending)"
    }()

    /// The digest by which a server calls the script.
    static let scriptDigest = digest(of: script)

    /// The first argument of every commit call: a call in another format is refused instead of misread.
    static let formatWord = "format-\(format)"

    /// The constants for the parts.
    private static let constants = "local FORMAT, VERSION = '\(formatWord)', '\(version)'\n"

    private static let registration = text(PackageResources.register_lua)

    /// The parts, each in a block of its own, except for the shared names.
    private static let functions: String = {
        let blocks = [
            [PackageResources.lease_lua, PackageResources.tick_lua], [PackageResources.scan_lua],
            [PackageResources.statement_lua, PackageResources.commit_lua, PackageResources.parts_lua],
        ]
        let joined = blocks.map { "do\n\($0.map(text).joined(separator: "\n"))end\n" }
        return ([text(PackageResources.head_lua)] + joined).joined(separator: "\n") + "\n"
    }()

    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}
