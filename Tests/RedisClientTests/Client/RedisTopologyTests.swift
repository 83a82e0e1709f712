import TestNeeds
import Testing

@testable import RedisClient

@Suite("Redis URLs of Sentinels and clusters", .tags(.pure))
struct RedisTopologyTests {
    private static let sentinel = "redis+sentinel://h1:26379,h2:26379/mymaster/0"

    @Test(
        "Sentinels, the name of their primary and the database are read",
        arguments: [
            ("redis+sentinel://h1:1,h2,[::1]:3/mymaster/2", ["h1:1", "h2:26379", "[::1]:3"], "mymaster", 2),
            ("redis+sentinel://h/mymaster", ["h:26379"], "mymaster", 0),
            ("redis+sentinel://h/mymaster/", ["h:26379"], "mymaster", 0),
            ("REDISS+Sentinel://h/a%2Fb%20c/1", ["h:26379"], "a/b c", 1),
        ]
    )
    func sentinels(url: String, seeds: [String], name: String, database: Int) throws {
        let configuration = try RedisConfiguration(url: url)
        #expect(configuration.seeds.map(\.description) == seeds)
        #expect(configuration.topology == .sentinel(.init(name: name)))
        #expect(configuration.database == database)
        #expect((configuration.tls != nil) == url.hasPrefix("REDISS"))
    }

    @Test("the server and its Sentinels have credentials of their own")
    func credentials() throws {
        let url = "rediss+sentinel://me:data@h/m?sentinel-user=watch%40er&sentinel-password=s%2Fp&ca=/c"
        let configuration = try RedisConfiguration(url: url)
        #expect(configuration.credentials == .init(user: "me", password: "data"))
        let own = RedisConfiguration.Credentials(user: "watch@er", password: "s/p")
        #expect(configuration.topology == .sentinel(.init(name: "m", credentials: own)))
        #expect(configuration.tls?.authorities == "/c")
        let bare = try RedisConfiguration(url: "redis+sentinel://:data@h/m?sentinel-password=p")
        #expect(bare.topology == .sentinel(.init(name: "m", credentials: .init(password: "p"))))
    }

    @Test("the nodes of a cluster are read")
    func cluster() throws {
        for end in ["", "/", "/0"] {
            let configuration = try RedisConfiguration(url: "redis+cluster://me:x@h1:7000,h2\(end)")
            #expect(configuration.topology == .cluster)
            #expect(configuration.seeds.map(\.description) == ["h1:7000", "h2:6379"])
            #expect(configuration.credentials?.password == "x")
        }
        #expect(try RedisConfiguration(url: "rediss+cluster://h?verify=ca").tls?.verification == .ca)
        #expect(try RedisConfiguration(url: "redis://h").topology == .standalone)
    }

    @Test(
        "what cannot be read is refused, saying what was expected",
        arguments: [
            ("redis+sentinel://h1", "expected the name of the primary at the Sentinels, as in \(sentinel)"),
            ("redis+sentinel://h1/", "expected the name of the primary at the Sentinels, as in \(sentinel)"),
            ("redis+sentinel://h1//0", "expected the name of the primary at the Sentinels, as in \(sentinel)"),
            ("redis+sentinel:///m/0", "expected a host, as in \(sentinel)"),
            ("redis+sentinel://h1,,h2/m", "expected a host, as in \(sentinel)"),
            ("redis+sentinel://h1,h1:26379/m", "a host is given twice"),
            ("redis+sentinel://h1/m/x", "expected the number of a database, as in \(sentinel)"),
            ("redis+sentinel://h1/m/0/1", "expected the number of a database, as in \(sentinel)"),
            ("redis+sentinel://h1/m?db=1", "the database belongs in the path, as in \(sentinel)"),
            ("redis+sentinel://h1/m?sentinel-user=a", "sentinel-user needs a sentinel-password"),
            ("redis+sentinel://h1/m?ca=/c", "ca is an option of TLS: expected rediss+sentinel://"),
            (
                "redis+sentinel://h1/m?x=1",
                "unknown option; redis+sentinel:// takes sentinel-user and sentinel-password"
            ),
            (
                "rediss+sentinel://h1/m?x=1",
                "unknown option; rediss+sentinel:// takes ca, cert, key, verify, sentinel-user and sentinel-password"
            ),
            (
                "redis+sentinel://h1,h2:0/m",
                "expected a port from 1 to 65535 after the host "
                    + "(in a password, write : / ? # @ % as %3A %2F %3F %23 %40 %25)"
            ),
            ("redis+cluster://", "expected a host, as in redis+cluster://h1:7000,h2:7001"),
            (
                "redis+cluster://h/1",
                "a cluster only has database 0: expected redis+cluster://h1:7000,h2:7001"
            ),
            (
                "redis+cluster://h?db=0",
                "a cluster only has database 0: expected redis+cluster://h1:7000,h2:7001"
            ),
            ("redis+cluster://h?sentinel-user=x", "sentinel-user is an option of redis+sentinel://"),
            ("redis+cluster://h?verify=none", "verify is an option of TLS: expected rediss+cluster://"),
            ("redis+cluster://h?x=1", "redis+cluster:// takes no options"),
            ("redis://h?sentinel-password=x", "sentinel-password is an option of redis+sentinel://"),
        ]
    )
    func refused(url: String, message: String) {
        let error = #expect(throws: RedisError.self) { try RedisConfiguration(url: url) }
        #expect(error?.code == .invalidURL)
        #expect(error?.message == "the Redis URL cannot be read: \(message)")
    }

    @Test("no more hosts are taken than anybody needs")
    func hostLimit() {
        let hosts = (1...65).map { "h\($0)" }.joined(separator: ",")
        let error = #expect(throws: RedisError.self) { try RedisConfiguration(url: "redis+cluster://\(hosts)") }
        #expect(error?.message.contains("no more than 64 hosts") == true)
    }

    @Test("a URL is shown without any password, and means the same otherwise")
    func redacted() throws {
        let shown = [
            "redis+sentinel://me:s3cret@h1:1,[::1]/a%2Fb?sentinel-password=s3cret&sentinel-user=w":
                "redis+sentinel://me:•••@h1:1,[::1]:26379/a%2Fb/0?sentinel-user=w&sentinel-password=•••",
            "rediss+sentinel://h/m/3?verify=ca": "rediss+sentinel://h:26379/m/3?verify=ca",
            "rediss+cluster://:s3cret@h1:7000,h2:7001": "rediss+cluster://:•••@h1:7000,h2:7001",
        ]
        for (url, expected) in shown {
            let configuration = try RedisConfiguration(url: url)
            #expect(configuration.redacted == expected)
            #expect(!"\(configuration)".contains("s3cret"))
        }
    }

    @Test("the place is named as people know it")
    func place() throws {
        #expect(try RedisConfiguration(url: "redis://h").place == "h:6379")
        #expect(
            try RedisConfiguration(url: "redis+sentinel://a,b/m").place == "m (by the Sentinels at a:26379, b:26379)")
        #expect(try RedisConfiguration(url: "redis+cluster://a:1,b:2").place == "the cluster at a:1, b:2")
    }
}
