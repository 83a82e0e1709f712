internal import Glibc
internal import Policies
internal import RedisClient
internal import Synchronization

/// One running process of Curfew, as published in `{curfew}:instance:<id>`.
package struct Instance: Sendable {
    /// The name, unique among living processes: host and process id.
    package let id: String
    /// The host's name without its domain.
    package let host: String
    /// The process id.
    package let pid: Int32

    /// The instance of this process.
    package static let current = Instance()

    private init() {
        var buffer = [CChar](repeating: 0, count: 256)
        let name =
            gethostname(&buffer, buffer.count - 1) == 0
            ? ByteText.held(buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }) : "localhost"
        host = String(name.prefix { $0 != "." })
        pid = getpid()
        id = "\(host)-\(pid)"
    }

    /// The instance of this process or, where it has been asked for before, a further one with a number.
    static func another() -> Instance {
        let number = workers.withLock { count in
            count += 1
            return count
        }
        return number == 1 ? current : Instance(current, id: "\(current.id)-\(number)")
    }

    private static let workers = Mutex(0)

    private init(_ other: Instance, id: String) {
        (self.id, host, pid) = (id, other.host, other.pid)
    }

    /// Creates an instance by name, for tests that need two in one process.
    package init(id: String) {
        self.id = id
        host = "localhost"
        pid = getpid()
    }

    /// The resident memory of this process in bytes; 0 if the system doesn't report it.
    static func residentBytes() -> Int {
        guard let file = fopen("/proc/self/statm", "r") else { return 0 }
        defer { fclose(file) }
        var buffer = [CChar](repeating: 0, count: 128)
        guard fgets(&buffer, Int32(buffer.count), file) != nil else { return 0 }
        let text = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let fields = text.split(separator: " ")
        return fields.count > 1 ? (Int(fields[1]) ?? 0).bounded(times: Int(sysconf(Int32(_SC_PAGESIZE)))) : 0
    }

    /// The CPU time of this process so far, in milliseconds.
    static func processorMilliseconds() -> Int {
        clock() / (Int(CLOCKS_PER_SEC) / 1000)
    }
}
