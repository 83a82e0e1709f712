internal import Glibc
internal import RedisClient

extension Doctor {
    /// What keeps passwords and tokens secret on their way, and keys where they lie; nothing where nothing is amiss.
    func secrecy() -> [Finding] {
        var findings: [Finding] = []
        if let tls = configuration.redis.tls, tls.verification == .none {
            findings.append(
                Finding(
                    "tls", .warning, "whoever answers at Redis' address is believed, whatever certificate it shows",
                    advice: "leave out verify=none; ca=FILE names the authority of a certificate of your own"))
        }
        let keys = [
            ("http.tls", configuration.http?.tls?.key), ("redis", configuration.redis.tls?.key),
        ]
        for (section, path) in keys {
            guard let path, let doubt = Self.doubt(aboutKey: path) else { continue }
            findings.append(
                Finding("tls", .warning, "\(section): the private key \(path) \(doubt)", advice: "chmod 600 \(path)"))
        }
        return findings
    }

    /// Who but its owner may read a private key; nil where nobody can, and where it can't be looked at, which is said
    /// where it is used.
    private static func doubt(aboutKey path: String) -> String? {
        var file = stat()
        guard stat(path, &file) == 0 else { return nil }
        let octal = String(file.st_mode & 0o777, radix: 8)
        if file.st_mode & 0o006 != 0 { return "can be read or written by everybody on this machine (mode \(octal))" }
        return file.st_mode & 0o020 == 0 ? nil : "can be written by its group (mode \(octal))"
    }
}
