import TestNeeds
import Testing

@testable import RedisClient

@Suite("Redis URLs", .tags(.pure))
struct RedisConfigurationTests {
    @Test(
        "an address is read, with the usual port and database 0 where they are left out",
        arguments: [
            ("redis://127.0.0.1:6379/0", "127.0.0.1:6379", 0), ("redis://redis.example", "redis.example:6379", 0),
            ("REDIS://h:1/15", "h:1", 15), ("redis://[::1]:7000/2", "[::1]:7000", 2),
            ("redis://[::1]", "[::1]:6379", 0),
            ("rediss://h/3", "h:6379", 3), ("redis+unix:///run/redis.sock", "/run/redis.sock", 0),
            ("redis+unix:///a%20b.sock?db=4", "/a b.sock", 4), ("redis://h:65535/", "h:65535", 0),
        ]
    )
    func addresses(url: String, address: String, database: Int) throws {
        let configuration = try RedisConfiguration(url: url)
        #expect(configuration.address.description == address)
        #expect(configuration.database == database)
        #expect((configuration.tls != nil) == url.hasPrefix("rediss"))
        #expect(configuration.credentials == nil)
    }

    @Test(
        "user and password are decoded",
        arguments: [
            ("redis://:secret@h", nil, "secret"), ("redis://me:secret@h", "me", "secret"),
            ("redis://a%40b:p%3A%2F%3F%23%25@h", "a@b", "p:/?#%"), ("redis://u:a@b@h", "u", "a@b"),
            ("redis+unix://:%C3%A9@/run/redis.sock", nil, "é"), ("rediss://u:@h", "u", ""),
        ]
    )
    func credentials(url: String, user: String?, password: String) throws {
        let configuration = try RedisConfiguration(url: url)
        #expect(configuration.credentials?.user == user)
        #expect(configuration.credentials?.password == password)
    }

    @Test("options of TLS are read")
    func tls() throws {
        let url = "rediss://h?ca=%2Fa%20b%2Fca.pem&cert=/c.pem&key=/k.pem&verify=ca"
        let tls = try #require(try RedisConfiguration(url: url).tls)
        #expect(tls.authorities == "/a b/ca.pem")
        #expect(tls.certificate == "/c.pem" && tls.key == "/k.pem")
        #expect(tls.verification == .ca)
        #expect(try RedisConfiguration(url: "rediss://h").tls == RedisConfiguration.TLS())
    }

    @Test(
        "what cannot be read is refused, saying what was expected",
        arguments: [
            ("", "expected \(RedisURL.schemes), as in redis://127.0.0.1:6379/0"),
            ("localhost:6379", "expected \(RedisURL.schemes), as in redis://127.0.0.1:6379/0"),
            ("http://h", "expected \(RedisURL.schemes) at the start"),
            ("rediss+unix:///s", "expected \(RedisURL.schemes) at the start"),
            ("redis+ring://h", "expected \(RedisURL.schemes) at the start"),
            (
                "redis://h1,h2:6380/0",
                "expected one host; several are for redis+sentinel:// and redis+cluster://"
            ),
            ("redis+unix:///s?ca=/c", "unknown option; redis+unix:// takes db"),
            ("redis://", "expected a host, as in redis://127.0.0.1:6379/0"),
            ("redis://:6379", "expected a host, as in redis://127.0.0.1:6379/0"),
            (
                "redis://h:",
                "expected a port from 1 to 65535 after the host "
                    + "(in a password, write : / ? # @ % as %3A %2F %3F %23 %40 %25)"
            ),
            (
                "redis://h:0",
                "expected a port from 1 to 65535 after the host "
                    + "(in a password, write : / ? # @ % as %3A %2F %3F %23 %40 %25)"
            ),
            (
                "redis://h:65536",
                "expected a port from 1 to 65535 after the host "
                    + "(in a password, write : / ? # @ % as %3A %2F %3F %23 %40 %25)"
            ),
            ("redis://[::1", "expected a ] after the IPv6 address"),
            ("redis://[::1]6379", "expected a port after the IPv6 address, as in redis://[::1]:6379"),
            ("redis://h/abc", "expected the number of a database, as in redis://127.0.0.1:6379/0"),
            ("redis://h/-1", "expected the number of a database, as in redis://127.0.0.1:6379/0"),
            ("redis://h/0/1", "expected the number of a database, as in redis://127.0.0.1:6379/0"),
            ("redis://secret@h", "expected user:password or :password before the @"),
            ("redis://:%zz@h", "in the password, expected two hexadecimal digits after % (a % itself is %25)"),
            ("redis://:%f@h", "in the password, expected two hexadecimal digits after % (a % itself is %25)"),
            ("redis://:%ff@h", "the password is not UTF-8"),
            ("redis://h?ca=/x", "ca is an option of TLS: expected rediss://"),
            ("redis://h?db=1", "the database belongs in the path, as in redis://127.0.0.1:6379/0"),
            ("redis://h?x=1", "redis:// takes no options"),
            ("rediss://h?x=1", "unknown option; rediss:// takes ca, cert, key and verify"),
            ("rediss://h?verify=maybe", "verify is full (chain and host name), ca (chain only) or none"),
            ("rediss://h?cert=/c", "cert and key must be used together"),
            ("rediss://h?ca=/c&ca=/d", "an option is given twice"),
            ("rediss://h?ca", "expected options like ?name=value after the address"),
            ("redis+unix://h/run", "expected an absolute path, as in redis+unix:///run/redis.sock"),
            ("redis+unix://", "expected an absolute path, as in redis+unix:///run/redis.sock"),
            ("redis+unix:///s?db=x", "expected the number of a database, as in redis+unix:///run/redis.sock?db=0"),
            ("redis+unix:///s?db=", "expected the number of a database after db="),
            ("redis://h/0#x", "write # as %23 and a space as %20"),
            ("redis://h /0", "write # as %23 and a space as %20"),
        ]
    )
    func refused(url: String, message: String) {
        let error = #expect(throws: RedisError.self) { try RedisConfiguration(url: url) }
        #expect(error?.code == .invalidURL)
        #expect(error?.message == "the Redis URL cannot be read: \(message)")
    }

    @Test("a URL is shown without its password, and means the same otherwise")
    func redacted() throws {
        let shown = [
            "redis://me:s3cret@h:1/2": "redis://me:•••@h:1/2",
            "redis://:s3cret@[::1]": "redis://:•••@[::1]:6379/0",
            "redis://h": "redis://h:6379/0",
            "redis+unix://:s3cret@/a%20b?db=3": "redis+unix://:•••@/a%20b?db=3",
            "rediss://:s3cret@h?verify=none&ca=/c": "rediss://:•••@h:6379/0?verify=none&ca=/c",
        ]
        for (url, expected) in shown {
            #expect(try RedisConfiguration(url: url).redacted == expected)
        }
    }

    @Test("no message, description or dump shows a password, however the URL is broken")
    func neverShown() throws {
        let secret = "s3cret"
        let broken = [
            "redis//:s3cret@h", "s3cret", "redis://:pa/s3cret@h", "redis://:pa?s3cret=1@h", "redis://:s3cret@h:x",
            "redis://:#s3cret@h", "redis://s3cret", "redis://u:s3cret%@h", "redis://:s3cret@h/s3cret", "s3cret://h",
            "rediss://:a?s3cret=b%zz@h", "redis://:pa:s3cret", "redis+unix://:s3cret@", "redis://:s3 s3cret@h",
        ]
        for url in broken {
            do {
                let configuration = try RedisConfiguration(url: url)
                #expect(!configuration.redacted.contains(secret) || url == "redis://s3cret")
            } catch {
                #expect(!"\(error) \(String(reflecting: error))".contains(secret), "\(url)")
            }
        }
        var dumped = ""
        let configuration = try RedisConfiguration(url: "redis://me:s3cret@h")
        dump(configuration, to: &dumped)
        #expect(!(dumped + "\(configuration) \(String(reflecting: configuration))").contains(secret))
        #expect(dumped.contains("me"))
    }
}
