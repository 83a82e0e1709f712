internal import Foundation
package import RedisClient

/// An authority of its own, a server's certificate for 127.0.0.1 and localhost, and a client's, made by `openssl`.
package struct Certificates: Sendable {
    private static let script = """
        set -e
        key="-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
        openssl req -x509 $key -subj /CN=authority -keyout ca.key -out ca.crt
        for name in server client other; do
          openssl req -x509 $key -subj /CN=$name -keyout $name.key -out $name.crt -CA ca.crt -CAkey ca.key \\
            -addext basicConstraints=critical,CA:FALSE -addext subjectAltName=$([ $name = other ] \\
            && echo DNS:other.example || echo IP:127.0.0.1,DNS:localhost)
        done
        openssl req -x509 $key -subj /CN=stranger -keyout stranger.key -out stranger.crt
        openssl req -new $key -subj /CN=expired -keyout expired.key -out expired.csr \\
          -addext subjectAltName=IP:127.0.0.1,DNS:localhost
        openssl x509 -req -in expired.csr -CA ca.crt -CAkey ca.key -days -1 -copy_extensions copy -out expired.crt
        """

    /// The folder with `ca.crt`; `server`, `client`, `other` (a server of another name) and `expired`, each `.crt` and
    /// `.key`; and the unrelated authority `stranger.crt`.
    package let folder: String
    /// The name of the certificate that the server shows.
    package var shown = "server"

    /// Makes new certificates in a new folder.
    package static func make() async throws -> Certificates {
        let parent = FileManager.default.temporaryDirectory.path
        let folder = "\(parent)/curfew-tls-\(String(UInt64.random(in: 0...UInt64.max), radix: 36))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let arguments = ["sh", "-c", "cd \"$1\"; \(script)", "sh", folder]
        let status = try await ChildProcess(arguments, output: "\(folder)/log").wait()
        guard status == 0 else {
            let log = try String(contentsOfFile: "\(folder)/log", encoding: .utf8)
            throw ChildProcessError("openssl: \(log)")
        }
        return Certificates(folder: folder)
    }

    /// Runs a body with new certificates, and removes them after it.
    package static func withCertificates<Result>(_ body: (Certificates) async throws -> Result) async throws -> Result {
        let certificates = try await make()
        let result = try await body(certificates)
        try certificates.remove()
        return result
    }

    /// Removes the folder.
    package func remove() throws {
        try FileManager.default.removeItem(atPath: folder)
    }

    /// TLS for a client that trusts the authority and has a certificate.
    package var client: RedisConfiguration.TLS {
        var tls = RedisConfiguration.TLS()
        tls.authorities = "\(folder)/ca.crt"
        tls.certificate = "\(folder)/client.crt"
        tls.key = "\(folder)/client.key"
        return tls
    }

    /// TLS for a client that looks at nothing: to wait for servers that nobody should trust.
    package var trustingAnybody: RedisConfiguration.TLS {
        var tls = client
        tls.verification = .none
        return tls
    }

    /// The options of a URL for a client: whom it trusts and, unless there is none, which certificate it has.
    package func options(authority: String = "ca", client: String? = "client") -> String {
        let own = client.map { "&cert=\(folder)/\($0).crt&key=\(folder)/\($0).key" }
        return "ca=\(folder)/\(authority).crt\(own ?? "")"
    }

    /// redis-server's arguments; it wants a certificate of its clients.
    var serverArguments: [String] {
        [
            "--tls-cert-file", "\(folder)/\(shown).crt", "--tls-key-file", "\(folder)/\(shown).key",
            "--tls-ca-cert-file", "\(folder)/ca.crt", "--tls-auth-clients", "yes",
        ]
    }
}
