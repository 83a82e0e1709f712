internal import Curfew
internal import Foundation
internal import Glibc
internal import Policies

/// A private S3 server, SeaweedFS, in its own directory, which ends with this process however this process ends.
///
/// As in ``EmbeddedRedis``, a shell stands between. It kills the server at once: a shutdown by SIGTERM takes fifteen
/// seconds, and the data is temporary.
struct EmbeddedStore: Sendable {
    /// The name of its only bucket.
    static let bucket = "uploads"

    /// The address for clients.
    let endpoint: String
    /// A key with all permissions; each server has a new one.
    let accessKey: String, secretKey: String
    private let directory: URL
    private let process: Process
    private let input: Pipe

    /// The program on the `PATH`; nil if it isn't installed.
    private static var program: String? {
        (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map { "\($0)/weed" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// Starts a server, which needs some seconds until it answers; nil if the program isn't installed.
    static func start() throws -> EmbeddedStore? {
        guard let program else { return nil }
        let directory = try PrivateFolder.make("curfew-s3", for: "S3 server")
        let key = String(UInt64.random(in: 0 ... .max), radix: 36)
        let secret = (0..<4).map { _ in String(UInt64.random(in: 0 ... .max), radix: 36) }.joined()
        try Data(identity(key, secret).utf8).write(to: directory.appendingPathComponent("keys.json"))
        let ports = try freePorts(8)
        let process = Process()
        let input = Pipe()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments =
            [
                "-c",
                #"""
                directory=$1
                shift
                setsid "$@" >"$directory/weed.log" 2>&1 </dev/null &
                child=$!
                trap "" TERM INT HUP
                read -r _
                kill -9 "$child" 2>/dev/null
                wait "$child" 2>/dev/null
                rm -rf "$directory"
                """#,
                "curfew", directory.path, program,
            ] + arguments(directory.path, ports)
        process.standardInput = input
        try SignalMask.cleared { try process.run() }
        return EmbeddedStore(
            endpoint: "http://127.0.0.1:\(ports[6])", accessKey: key, secretKey: secret, directory: directory,
            process: process, input: input)
    }

    /// Ends the server and removes its directory.
    func stop() {
        input.fileHandleForWriting.closeFile()
        process.waitUntilExit()
    }

    /// Creates the bucket as soon as the server answers; throws if that takes longer than the limit.
    func makeBucket(_ storage: ObjectStorage, within limit: Duration) async throws {
        let end = ContinuousClock.now + limit
        while true {
            do {
                return try await storage.makeBucket()
            } catch let error as StorageError {
                guard ContinuousClock.now < end, error.code == .unreachable || error.code == .busy else {
                    throw CurfewError(.unreachable, "the private S3 server is not ready: \(error)\n\(lastLines)")
                }
            }
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    private var lastLines: String {
        guard let data = FileManager.default.contents(atPath: directory.appendingPathComponent("weed.log").path) else {
            return ""
        }
        return String(decoding: data, as: UTF8.self).split(separator: "\n").suffix(5).joined(separator: "\n")
    }

    private static func identity(_ key: String, _ secret: String) -> String {
        """
        {"identities": [{"name": "demo", "actions": ["Admin", "Read", "List", "Write"],
          "credentials": [{"accessKey": "\(key)", "secretKey": "\(secret)"}]}]}
        """
    }

    /// One process, on the loopback interface only, with small volumes and without telemetry.
    private static func arguments(_ directory: String, _ ports: [Int]) -> [String] {
        [
            "-logdir=\(directory)", "server", "-dir=\(directory)", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
            "-master.port=\(ports[0])", "-master.port.grpc=\(ports[1])", "-volume.port=\(ports[2])",
            "-volume.port.grpc=\(ports[3])", "-filer", "-filer.port=\(ports[4])", "-filer.port.grpc=\(ports[5])",
            "-s3", "-s3.port=\(ports[6])", "-s3.port.grpc=\(ports[7])", "-s3.port.iceberg=0", "-s3.port.lance=0",
            "-s3.config=\(directory)/keys.json", "-master.telemetry=false", "-master.volumeSizeLimitMB=64",
            "-volume.max=20", "-volume.preStopSeconds=0", "-master.electionTimeout=500ms",
            "-master.heartbeatInterval=100ms",
        ]
    }

    /// Free ports of the loopback interface.
    ///
    /// All are held until the last one is found, so that none is returned twice.
    private static func freePorts(_ count: Int) throws -> [Int] {
        var descriptors: [Int32] = []
        defer { for descriptor in descriptors { close(descriptor) } }
        return try (0..<count).map { _ in
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            descriptors.append(descriptor)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
            var size = socklen_t(MemoryLayout<sockaddr_in>.size)
            let failure = withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { general in
                    bind(descriptor, general, size) | getsockname(descriptor, general, &size)
                }
            }
            guard failure == 0 else {
                throw CurfewError(.unreachable, "there is no free port for the private S3 server")
            }
            return Int(UInt16(bigEndian: address.sin_port))
        }
    }
}
