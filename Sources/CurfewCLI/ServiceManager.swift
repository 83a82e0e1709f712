internal import Curfew
internal import Foundation
internal import Glibc
internal import Logging
internal import ServiceLifecycle

/// Tells the service manager that this process is ready, and when it begins to stop (systemd, `Type=notify`).
///
/// The manager names its socket in `NOTIFY_SOCKET`; without it there is nobody to tell. Ready means that the
/// configuration is read and the worker runs: whether Redis can be reached is not the manager's business, because a
/// restart wouldn't help.
struct ServiceManager: Service {
    /// What the socket is called: a path, or `@` and an abstract name.
    private let address: String?
    private let logger: Logger

    /// The longest name of a socket that the system takes.
    private static let longest = 107

    init(logger: Logger, environment: [String: String] = ProcessInfo.processInfo.environment) {
        address = environment["NOTIFY_SOCKET"].flatMap { $0.isEmpty ? nil : $0 }
        self.logger = logger
    }

    /// Waits for the graceful shutdown.
    func run() async throws {
        tell("READY=1\nSTATUS=Working")
        try await gracefulShutdown()
        tell("STOPPING=1\nSTATUS=Handing over")
    }

    /// Sends a state; a manager that can't be reached is said in the log, and the work goes on.
    private func tell(_ state: String) {
        guard let address else { return }
        let reason = Self.send(state, to: address)
        guard reason != 0 else { return }
        logger.warning(
            "the service manager can't be told",
            metadata: ["socket": "\(address)", "error": "\(String(cString: strerror(reason)))"])
    }

    /// Sends a datagram; returns the error number, or 0.
    private static func send(_ text: String, to address: String) -> Int32 {
        guard address.utf8.count <= longest else { return ENAMETOOLONG }
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return errno }
        defer { close(descriptor) }
        var name = sockaddr_un()
        name.sun_family = sa_family_t(AF_UNIX)
        // An abstract name begins with a zero byte, which stands for “@”.
        let bytes = address.hasPrefix("@") ? [0] + address.utf8.dropFirst() : Array(address.utf8)
        withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: bytes) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
        let sent = withUnsafePointer(to: name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { target in
                sendto(descriptor, text, text.utf8.count, 0, target, length)
            }
        }
        return sent < 0 ? errno : 0
    }
}
