// Small programs that know the right answers: golang.org/x/mod, for the tests.
module modgate.example/oracle

go 1.26.0

require golang.org/x/mod v0.42.0
