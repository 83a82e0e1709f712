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
        """

    /// The folder with `ca.crt`; `server`, `client` and `other` (a server of another name), each `.crt` and `.key`; and
    /// the unrelated authority `stranger.crt`.
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

    /// redis-server's arguments; it wants a certificate of its clients.
    var serverArguments: [String] {
        [
            "--tls-cert-file", "\(folder)/\(shown).crt", "--tls-key-file", "\(folder)/\(shown).key",
            "--tls-ca-cert-file", "\(folder)/ca.crt", "--tls-auth-clients", "yes",
        ]
    }
}
