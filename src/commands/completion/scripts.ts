/**
 * What a shell runs to ask `tsmanifest __complete` what may stand at the cursor: see `completion/complete.ts`. Each only turns
 * the shell's words into arguments and the answer into what the shell shows; nothing of the line is evaluated.
 */

/** The text as it is written, but for the backslashes before `${` and a backtick that TypeScript wants. */
function script({ raw }: TemplateStringsArray): string {
  return raw.join("").replaceAll(/\\(?=\$\{|`)/g, "");
}

/** bash takes `:` and `=` for ends of words, and replaces only what is behind them. Works with bash 3.2, which macOS has. */
const BASH = script`# tsmanifest completion for bash
_tsmanifest() {
  local program=$1 typed=$2 rest=\${COMP_LINE:0:COMP_POINT} words=() word line last cut kind="" quotes="" i
  type -P -- "$program" >/dev/null 2>&1 || program=tsmanifest
  COMPREPLY=()
  # The words as they were typed: bash has cut them at colons and equals signs.
  for ((i = 0; i <= COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    line=\${rest#"\${rest%%[![:space:]]*}"}
    ((i == COMP_CWORD)) && word=$line
    if [[ $i -eq 0 || $line != "$rest" ]]; then
      words+=("$word")
    else
      words[\${#words[@]} - 1]+=$word
    fi
    rest=\${line#"$word"}
  done
  last=\${words[\${#words[@]} - 1]}
  [[ $last == *[\"\']* ]] && quotes=1
  for ((i = 0; i < \${#words[@]}; i++)); do words[i]=\${words[i]//[\"\'\\]/}; done
  typed=\${typed//[\"\'\\]/}
  last=\${words[\${#words[@]} - 1]}
  unset "words[\${#words[@]} - 1]"
  # What bash has cut off stays on the line as it is.
  cut=\${last%"$typed"}
  while IFS= read -r line; do
    if [[ -z $kind ]]; then
      kind=$line
    elif [[ $line == "$last"* ]]; then
      line=\${line%%$'\t'*}
      line=\${line#"$cut"}
      # bash inserts it as it is, and would run what is no word. Within quotes it cannot be quoted once more.
      if [[ $line == *[^[:alnum:]_./:@,=+-]* ]]; then
        [[ -n $quotes ]] && continue
        printf -v line %q "$line"
      fi
      COMPREPLY+=("$line")
    fi
  done < <("$program" __complete "\${words[@]:1}" "=$last" 2>/dev/null)
  case $kind in
    files) compopt -o default 2>/dev/null || _tsmanifest_paths -f "\${last##*=}" ;;
    folders) compopt -o dirnames 2>/dev/null || _tsmanifest_paths -d "\${last##*=}" ;;
  esac
}
_tsmanifest_paths() {
  local path
  while IFS= read -r path; do
    printf -v path %q "$path"
    COMPREPLY+=("$path")
  done < <(compgen "$1" -- "$2")
}
complete -F _tsmanifest tsmanifest
`;

const ZSH = script`#compdef tsmanifest
# tsmanifest completion for zsh
_tsmanifest() {
  local -a answer described
  local line kind
  answer=("\${(@f)$(tsmanifest __complete "\${(@Q)words[2,CURRENT-1]}" "=\${(Q)PREFIX}" 2>/dev/null)}")
  kind=$answer[1]
  shift answer
  case $kind in
    files) compset -P '*='; _files; return ;;
    folders) compset -P '*='; _files -/; return ;;
  esac
  for line in $answer; do
    # A colon ends the word in what _describe is given.
    described+=("\${\${line%%$'\t'*}//:/\\:}\${\${(M)line:#*$'\t'*}:+:\${line#*$'\t'}}")
  done
  _describe -t tsmanifest tsmanifest described
}
if [[ $funcstack[1] == _tsmanifest ]]; then _tsmanifest "$@"; else compdef _tsmanifest tsmanifest; fi
`;

const FISH = script`# tsmanifest completion for fish
function __tsmanifest_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set current (string replace -ra '[\'"\\\\]' '' -- "$current")
    set -e words[1]
    set -l answer (tsmanifest __complete $words "=$current" 2>/dev/null)
    set -l value (string replace -r -- '^--[^=]*=' '' "$current")
    set -l prefix (string sub -l (math (string length -- "$current") - (string length -- "$value")) -- "$current")
    switch "$answer[1]"
        case files
            for path in (__fish_complete_path "$value")
                echo -- "$prefix$path"
            end
        case folders
            for path in (__fish_complete_directories "$value" '')
                echo -- "$prefix$path"
            end
        case words
            printf '%s\n' $answer[2..-1]
    end
end
complete -c tsmanifest -f -a '(__tsmanifest_complete)'
`;

/** Native commands of older versions get no empty arguments, which the answer does without. */
const POWERSHELL = script`# tsmanifest completion for PowerShell
Register-ArgumentCompleter -Native -CommandName tsmanifest -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $words = @($commandAst.CommandElements | Select-Object -Skip 1 |
        Where-Object { $_.Extent.EndOffset -lt $cursorPosition } |
        ForEach-Object { if ($_.Value) { "$($_.Value)" } else { $_.Extent.Text } })
    $answer = @(& tsmanifest __complete @words "=$wordToComplete" 2>$null)
    # Nothing: PowerShell completes names of files.
    if ($answer.Count -eq 0 -or $answer[0] -ne 'words') { return }
    if ($answer.Count -eq 1) { return '' }
    foreach ($line in $answer[1..($answer.Count - 1)]) {
        $text, $description = $line -split "\`t", 2
        if (-not $text.StartsWith($wordToComplete, [StringComparison]::Ordinal)) { continue }
        if (-not $description) { $description = $text }
        $word = $text
        if ($text -match '[^\w./:@=+-]') { $word = "'" + $text.Replace("'", "''") + "'" }
        [System.Management.Automation.CompletionResult]::new($word, $text, 'ParameterValue', $description)
    }
}
`;

/** By the shell's name. */
export const SCRIPTS: ReadonlyMap<string, string> = new Map([
  ["bash", BASH],
  ["zsh", ZSH],
  ["fish", FISH],
  ["powershell", POWERSHELL],
]);
