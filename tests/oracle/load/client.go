// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/tls"
	"crypto/x509"
	"log"
	"net/http"
	"os"
	"time"
)

// A client reaches one server by one protocol.
type client struct {
	http  *http.Client
	base  string
	major int // of the protocol that every answer must have come by
}

func newClient(s Server, authority string) *client {
	t := &http.Transport{
		DisableCompression:    true,
		MaxIdleConnsPerHost:   256,
		ResponseHeaderTimeout: 60 * time.Second,
		Protocols:             new(http.Protocols),
	}
	c := &client{http: &http.Client{Transport: t, Timeout: 120 * time.Second}, base: s.URL, major: 1}
	if s.Protocol == "h2" {
		c.major = 2
		t.Protocols.SetHTTP2(true)
		t.Protocols.SetUnencryptedHTTP2(true)
	} else {
		t.Protocols.SetHTTP1(true)
	}
	if authority != "" {
		pem, err := os.ReadFile(authority)
		if err != nil {
			log.Fatal(err)
		}
		t.TLSClientConfig = &tls.Config{RootCAs: x509.NewCertPool()}
		t.TLSClientConfig.RootCAs.AppendCertsFromPEM(pem)
	}
	return c
}
