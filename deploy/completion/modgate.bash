# SPDX-License-Identifier: Apache-2.0
# bash completion for modgate; "@...@" is filled in by tools/packages/documents.py from `modgate help --json`.

# What the value of a flag is: words, "path", "bool", "text"; nothing when it is no flag.
_modgate_kind() {
	case $1 in
@bash_kinds@
	esac
}

_modgate() {
	local word=${COMP_WORDS[COMP_CWORD]} flag=${COMP_WORDS[COMP_CWORD - 1]} joined='' kind first='' flags=''
	COMPREPLY=()
	if ((COMP_CWORD == 1)); then
		mapfile -t COMPREPLY < <(compgen -W "@bash_commands@" -- "$word")
		return
	fi
	# "--flag=value" comes as three words.
	if [[ $word == "=" ]]; then
		word='' joined=1
	elif [[ $flag == "=" ]]; then
		flag=${COMP_WORDS[COMP_CWORD - 2]} joined=1
	fi
	kind=$(_modgate_kind "$flag")
	case $kind${joined:+=} in
	'' | '=' | bool) ;;
	path*)
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		return
		;;
	text*) return ;;
	*)
		[[ $kind != bool ]] || kind='true false'
		mapfile -t COMPREPLY < <(compgen -W "$kind" -- "$word")
		return
		;;
	esac
	case ${COMP_WORDS[1]} in
@bash_words@
	esac
	if [[ $word == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$flags" -- "$word")
	elif ((COMP_CWORD == 2)) && [[ -n $first ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$first" -- "$word")
	else
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
	fi
}

complete -o filenames -F _modgate modgate
