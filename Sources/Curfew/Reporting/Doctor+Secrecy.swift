internal import Glibc
internal import RedisClient

extension Doctor {
    /// The protection of passwords and tokens in transit, and of private keys on disk; nothing if there is no problem.
    func secrecy() -> [Finding] {
        var findings: [Finding] = []
        if let tls = configuration.redis.tls, tls.verification == .none {
            findings.append(
                Finding(
                    "tls", .warning, "the certificate of Redis is not verified",
                    advice: "remove verify=none; use ca=FILE to trust your own certificate authority"))
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

    /// Who can access a private key besides its owner; nil if nobody can, or if the file can't be read, which is
    /// reported where the key is used.
    private static func doubt(aboutKey path: String) -> String? {
        var file = stat()
        guard stat(path, &file) == 0 else { return nil }
        let octal = String(file.st_mode & 0o777, radix: 8)
        if file.st_mode & 0o006 != 0 { return "can be read or written by every user of this machine (mode \(octal))" }
        return file.st_mode & 0o020 == 0 ? nil : "can be written by its group (mode \(octal))"
    }
}
